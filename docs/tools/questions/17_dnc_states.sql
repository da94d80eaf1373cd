-- How did the records of each do-not-call list change?
select dnc_list_name, state_number, status, record_count,
    record_count - lag(record_count) over (
        partition by stream_id, dnc_list_id order by state_number asc
    ) as more_than_before
from kore.dnc_list_states
order by dnc_list_name, state_number
