-- How many records does each do-not-call list have, is it accepted, and how many campaigns name it?
select dnc_list_name, record_count, status, is_global, live_campaigns
from kore.dnc_lists
order by dnc_list_name
