# How to run it, and what has to outlast a container: docs/how-to/containers.md. tests/system/test_container.py
# executes these instructions.
FROM python:3.11-slim AS build
WORKDIR /build
# without pip: what is not in the image installs nothing
RUN python -m venv --without-pip /opt/kore-campaigns
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY pipelines pipelines
# a third smaller: the command works without pandas and numpy
RUN python -m pip --python /opt/kore-campaigns/bin/python install --quiet --constraint constraints.txt '.[postgres]' && \
    python -m pip --python /opt/kore-campaigns/bin/python uninstall --quiet --yes pandas numpy

FROM python:3.11-slim
COPY --from=build /opt/kore-campaigns /opt/kore-campaigns
# for any user id: a cluster may choose its own, and a new volume takes this mode from the image
RUN mkdir -m 1777 /campaigns /state
ENV PATH=/opt/kore-campaigns/bin:$PATH \
    DLT_PROJECT_DIR=/campaigns \
    XDG_STATE_HOME=/state \
    HOME=/tmp \
    RUNTIME__DLTHUB_TELEMETRY=false \
    PYTHONDONTWRITEBYTECODE=1 \
    STATUS_FLAGS=
USER 10001:10001
WORKDIR /campaigns
VOLUME ["/campaigns", "/state"]
HEALTHCHECK --interval=5m --timeout=30s --start-period=1m --retries=1 \
    CMD kore-campaigns status --json $STATUS_FLAGS | grep -Eq '^\{"state": "(ok|running|interrupted)"'
ENTRYPOINT ["kore-campaigns"]
CMD ["run"]
