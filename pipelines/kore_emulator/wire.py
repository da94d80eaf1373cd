"""Send an answer over the socket, with its transmission faults."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from .answers import Answer

DROPS = 20
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def deliver(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Send the answer, or break off in the middle if it says so."""
    if answer.wait:
        await asyncio.sleep(answer.wait)
    if answer.reset:
        return _reset(request)
    headers = {"Content-Type": answer.content_type, **answer.headers}
    if not (answer.cut or answer.trickle):
        return web.Response(status=answer.status, body=answer.body, headers=headers)
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body)
    try:
        await response.prepare(request)
        await _send_oddly(request, response, answer)
    except ConnectionError:
        # the client gave up, which is the purpose of such a fault
        response.force_close()
    return response


async def _send_oddly(
    request: web.BaseRequest, response: web.StreamResponse, answer: Answer
) -> None:
    if answer.cut:
        await response.write(answer.body[: len(answer.body) // 2])
        if request.transport is not None:
            request.transport.close()
        return
    size = max(1, len(answer.body) // DROPS)
    for start in range(0, len(answer.body), size):
        await asyncio.sleep(answer.trickle / DROPS)
        await response.write(answer.body[start : start + size])


def _reset(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        sock = request.transport.get_extra_info("socket")
        # a zero linger time turns the close into a RST
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        request.transport.abort()
    return web.Response()
