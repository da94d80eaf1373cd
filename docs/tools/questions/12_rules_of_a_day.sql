-- Which calling hours were in force on 10 December 2025 at 14:05 UTC for `Product Feedback India`?
select version, day, start_text, end_text
from kore.calling_hours_history
where campaign_name = 'Product Feedback India'
    and valid_from <= timestamp with time zone '2025-12-10 14:05:00+00'
    and (
        valid_to is null
        or timestamp with time zone '2025-12-10 14:05:00+00' < valid_to
    )
order by position
