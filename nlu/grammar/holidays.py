"""Feasts and other days that have a name, as functions of the year."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from nlu.grammar.calendar import day_of

OfYear = Callable[[int], datetime | None]


def fixed(month: int, day: int) -> OfYear:
    """The same day every year."""
    return lambda year: day_of(year, month, day)


def nth_weekday(month: int, weekday: int, count: int, after: int = 0) -> OfYear:
    """The n-th such weekday of a month, -1 the last; ``after`` so many days later."""

    def of_year(year: int) -> datetime | None:
        if count > 0:
            first = day_of(year, month, 1)
            if first is None:
                return None
            away = (weekday - first.weekday()) % 7 + 7 * (count - 1) + after
            return first + timedelta(days=away)
        last = day_of(year, month + 1, 1) if month < 12 else day_of(year + 1, 1, 1)
        if last is None:
            return None
        last -= timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7 - after)

    return of_year


def easter(year: int) -> datetime | None:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm, Nature, 1876)."""
    if not 1583 <= year <= 9999:
        return None
    golden = year % 19
    century, of_century = divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - moon + 15) % 30
    fours, ones = divmod(of_century, 4)
    weekday = (32 + 2 * rest + 2 * fours - epact - ones) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return day_of(year, month, day + 1)


def from_easter(days: int) -> OfYear:
    """So many days after Easter Sunday."""

    def of_year(year: int) -> datetime | None:
        sunday = easter(year)
        return None if sunday is None else sunday + timedelta(days=days)

    return of_year


_ENGLISH: dict[OfYear, str] = {
    fixed(12, 25): "christmas; christmas day; xmas; x-mas; xmas day",
    fixed(12, 24): "christmas eve; xmas eve",
    fixed(12, 26): "boxing day",
    fixed(12, 31): "new year's eve; new years eve; new year eve",
    fixed(1, 1): "new year's day; new years day; new year's; new year day",
    fixed(2, 14): "valentine's day; valentines day; valentine day",
    fixed(3, 17): "st patrick's day; st. patrick's day; saint patrick's day",
    fixed(4, 1): "april fools day; april fool's day; april fools' day",
    fixed(7, 4): "independence day",
    fixed(10, 31): "halloween; hallowe'en",
    fixed(11, 11): "veterans day; armistice day; remembrance day",
    fixed(5, 1): "may day; labour day",
    nth_weekday(9, 0, 1): "labor day",
    nth_weekday(5, 0, -1): "memorial day",
    nth_weekday(11, 3, 4): "thanksgiving; thanksgiving day",
    nth_weekday(11, 3, 4, after=1): "black friday",
    nth_weekday(11, 3, 4, after=4): "cyber monday",
    nth_weekday(1, 0, 3): "martin luther king day; mlk day",
    nth_weekday(2, 0, 3): "presidents day; presidents' day",
    nth_weekday(5, 6, 2): "mother's day; mothers day",
    nth_weekday(6, 6, 3): "father's day; fathers day",
    easter: "easter; easter sunday",
    from_easter(1): "easter monday",
    from_easter(-2): "good friday",
    from_easter(-7): "palm sunday",
    from_easter(-46): "ash wednesday",
    from_easter(49): "pentecost; whit sunday",
    from_easter(39): "ascension day",
}
ENGLISH: dict[str, OfYear] = {
    name: of_year for of_year, names in _ENGLISH.items() for name in names.split("; ")
}

# Days of the Chinese calendar from 2015 to 2050, month and day of each year. They follow the moon
# as seen from Beijing, which no short formula gives.
_FIRST_YEAR = 2015
_SPRING = (
    "0219 0208 0128 0216 0205 0125 0212 0201 0122 0210 0129 0217 0206 0126 0213 0203 0123 0211 "
    "0131 0219 0208 0128 0215 0204 0124 0212 0201 0122 0210 0130 0217 0206 0126 0214 0202 0123"
)
_LANTERN = (
    "0305 0222 0211 0302 0219 0208 0226 0215 0205 0224 0212 0303 0220 0209 0227 0217 0206 0225 "
    "0214 0305 0222 0211 0301 0218 0207 0226 0215 0205 0224 0213 0303 0220 0209 0228 0216 0206"
)
_DRAGON_BOAT = (
    "0620 0609 0530 0618 0607 0625 0614 0603 0622 0610 0531 0619 0609 0528 0616 0605 0624 0612 "
    "0601 0620 0610 0530 0618 0607 0527 0614 0603 0622 0611 0531 0619 0608 0529 0615 0604 0623"
)
_SEVENTH_NIGHT = (
    "0820 0809 0828 0817 0807 0825 0814 0804 0822 0810 0829 0819 0808 0826 0816 0805 0824 0812 "
    "0801 0820 0810 0828 0817 0807 0826 0814 0803 0822 0811 0731 0819 0808 0827 0816 0805 0823"
)
_MID_AUTUMN = (
    "0927 0915 1004 0924 0913 1001 0921 0910 0929 0917 1006 0925 0915 1003 0922 0912 1001 0919 "
    "0908 0927 0916 1004 0924 0913 1002 0920 0910 0928 0917 1005 0925 0915 1004 0922 0911 0930"
)
_DOUBLE_NINTH = (
    "1021 1009 1028 1017 1007 1025 1014 1004 1023 1011 1029 1018 1008 1026 1016 1005 1024 1012 "
    "1001 1020 1009 1027 1017 1007 1026 1014 1003 1022 1011 1029 1018 1008 1027 1016 1005 1024"
)


def listed(days: str, away: int = 0) -> OfYear:
    """The days of a list, a year each from 2015 on; ``away`` so many days after."""
    by_year = dict(enumerate(days.split(), _FIRST_YEAR))

    def of_year(year: int) -> datetime | None:
        if (day := by_year.get(year)) is None:
            return None
        found = day_of(year, int(day[:2]), int(day[2:]))
        return None if found is None else found + timedelta(days=away)

    return of_year


def clear_and_bright(year: int) -> datetime | None:
    """清明: when the sun's longitude is 15°, in the years 1901 to 2099."""
    if not 1901 <= year <= 2099:
        return None
    since = year % 100
    base = 5.59 if year < 2001 else 4.81
    return day_of(year, 4, int(since * 0.2422 + base) - since // 4)


_CHINESE: dict[OfYear, str] = {
    fixed(1, 1): "元旦 元旦节",
    fixed(2, 14): "情人节",
    fixed(3, 8): "妇女节 三八节",
    fixed(4, 1): "愚人节",
    fixed(5, 1): "劳动节 五一 五一劳动节 五一节",
    fixed(5, 4): "青年节",
    fixed(6, 1): "儿童节 六一儿童节",
    fixed(9, 10): "教师节",
    fixed(10, 1): "国庆 国庆节 十一国庆",
    fixed(10, 31): "万圣节",
    fixed(11, 11): "双十一 双11 光棍节",
    fixed(12, 24): "平安夜 圣诞夜 圣诞前夜",
    fixed(12, 25): "圣诞 圣诞节 聖誕節",
    fixed(12, 31): "跨年夜",
    nth_weekday(5, 6, 2): "母亲节",
    nth_weekday(6, 6, 3): "父亲节",
    nth_weekday(11, 3, 4): "感恩节",
    clear_and_bright: "清明 清明节",
    listed(_SPRING): "春节 大年初一 農曆新年 农历新年",
    listed(_SPRING, -1): "除夕 大年三十 年三十",
    listed(_LANTERN): "元宵节",
    listed(_DRAGON_BOAT): "端午 端午节",
    listed(_SEVENTH_NIGHT): "七夕 七夕节",
    listed(_MID_AUTUMN): "中秋 中秋节",
    listed(_DOUBLE_NINTH): "重阳节",
}
CHINESE: dict[str, OfYear] = {
    name: of_year for of_year, names in _CHINESE.items() for name in names.split()
}
