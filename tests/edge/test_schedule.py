from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SettingError
from edge.schedule import DAYS, Schedule

FRIDAY = datetime(2026, 7, 3)

# hours, days, day from Friday, time, is open
MOMENTS = [
    ("", (), 0, "00:00", True),  # nothing said
    ("00:00-24:00", (), 2, "23:59:59", True),  # the whole day
    ("06:00-22:00", (), 0, "05:59:59", False),
    ("06:00-22:00", (), 0, "06:00", True),  # from the first second
    ("06:00-22:00", (), 0, "21:59:59", True),
    ("06:00-22:00", (), 0, "22:00", False),  # until before the last
    ("6:00 - 9:30,17:00-22:00", (), 0, "09:29", True),  # several, with and without spaces
    ("6:00 - 9:30,17:00-22:00", (), 0, "12:00", False),
    ("6:00 - 9:30,17:00-22:00", (), 0, "17:00", True),
    ("06:00-12:00,10:00-14:00", (), 0, "13:00", True),  # that overlap
    ("22:00-06:00", ("fri",), 0, "21:59", False),
    ("22:00-06:00", ("fri",), 0, "22:00", True),
    ("22:00-06:00", ("fri",), 1, "05:59:59", True),  # Saturday morning belongs to Friday
    ("22:00-06:00", ("fri",), 1, "06:00", False),
    ("22:00-06:00", ("fri",), 0, "05:00", False),  # Friday morning belongs to Thursday
    ("22:00-06:00", ("sun",), 3, "01:00", True),  # over the end of the week
    ("22:00-24:00", ("fri",), 0, "23:59", True),
    ("22:00-24:00", ("fri",), 1, "00:00", False),
    ("22:00-00:00", ("fri",), 1, "00:00", False),  # the same, written otherwise
    ("06:00-22:00", ("sat", "sun"), 0, "12:00", False),
    ("06:00-22:00", ("sat", "sun"), 2, "12:00", True),
    ("", ("sat",), 1, "00:00", True),  # days alone
    ("", ("sat",), 2, "00:00", False),
]


@pytest.mark.parametrize(("hours", "days", "later", "time", "is_open"), MOMENTS)
def test_schedule_is_open(hours, days, later, time, is_open):
    clock = datetime.strptime(time, "%H:%M:%S" if time.count(":") == 2 else "%H:%M")
    local = datetime.combine(FRIDAY + timedelta(days=later), clock.time())
    assert Schedule(hours, days).is_open(local) is is_open


def test_schedule_of_a_leap_day_is_that_of_its_weekday():
    schedule = Schedule("22:00-02:00", ("tue",))
    assert schedule.is_open(datetime(2028, 2, 29, 23, 0))
    assert schedule.is_open(datetime(2028, 3, 1, 1, 0))


# the hours after the change, as UTC from the begin of that night's second hour, local time shown
NIGHTS = [
    (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), ["01:30", "03:30", "04:30"]),  # one is skipped
    (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), ["02:30", "02:30", "03:30"]),  # one comes twice
]


@pytest.mark.parametrize(("start", "shown"), NIGHTS)
def test_schedule_in_a_night_of_change_goes_by_what_the_clock_shows(start, shown):
    berlin = ZoneInfo("Europe/Berlin")
    moments = [(start + timedelta(hours=hours)).astimezone(berlin) for hours in range(3)]
    assert [f"{moment:%H:%M}" for moment in moments] == shown
    schedule = Schedule("02:00-03:00")
    assert [schedule.is_open(moment) for moment in moments] == [
        time.startswith("02") for time in shown
    ]


# hours, days, what the error says
REFUSED = [
    ("6-22", (), 'written HH:MM-HH:MM. Received: 6-22. Write for example "06:00-22:00"'),
    ("06:00-22:00,", (), "Received: nothing"),  # a comma too many
    ("06:00–22:00", (), "HH:MM-HH:MM"),  # noqa: RUF001 - a dash is no hyphen
    ("٠٦:00-22:00", (), "HH:MM-HH:MM"),  # digits of other scripts
    ("06:60-22:00", (), "begin from 00:00 to 23:59 and end from 00:00 to 24:00. Received: 06:60"),
    ("24:00-06:00", (), "begin from 00:00 to 23:59"),
    ("06:00-24:01", (), "end from 00:00 to 24:00"),
    ("06:00-06:00", (), 'end at another time than they begin. Received: 06:00-06:00. Write "00:00'),
    ("", ("Monday",), "be one of mon, tue, wed, thu, fri, sat, sun. Received: 'Monday'. Write 'm"),
    ("", ("sat", ""), 'Received: \'\'. Write for example ["sat", "sun"]'),
]


@pytest.mark.parametrize(("hours", "days", "text"), REFUSED)
def test_schedule_refuses(hours, days, text):
    with pytest.raises(SettingError) as caught:
        Schedule(hours, days)
    assert text in str(caught.value)


# hours, days, is always open
WEEKS = [
    ("", (), True),
    ("00:00-24:00", DAYS, True),
    ("00:00-12:00, 12:00-24:00", (), True),  # two halves
    ("12:00-00:00, 00:00-12:00", (), True),
    ("00:01-24:00", (), False),
    ("00:00-23:59", (), False),
    ("", DAYS[:6], False),
]


@pytest.mark.parametrize(("hours", "days", "is_always"), WEEKS)
def test_schedule_knows_whether_it_needs_a_clock(hours, days, is_always):
    assert Schedule(hours, days).is_always_open is is_always


spans = st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(
    lambda span: span[0] != span[1]
)


@given(
    st.lists(spans, min_size=1, max_size=3), st.sets(st.sampled_from(DAYS)), st.integers(0, 10079)
)
def test_schedule_agrees_with_minutes_counted_one_by_one(spans, days, minute):
    """A week written out as a set of minutes says the same."""
    hours = ",".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in spans)
    week = set()
    for day in map(DAYS.index, days or DAYS):
        for start, end in spans:
            last = end if end > start else end + 1440
            week |= {(day * 1440 + one) % 10080 for one in range(start, last)}
    schedule = Schedule(hours, tuple(days))
    local = datetime(2026, 6, 1) + timedelta(minutes=minute)  # a Monday
    assert schedule.is_open(local) is (minute in week)
    assert schedule.is_always_open is (len(week) == 10080)
