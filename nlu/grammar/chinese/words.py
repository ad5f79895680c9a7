"""Chinese words of time, simplified and traditional."""

from __future__ import annotations

from typing import Any

from nlu.grammar.clock import Clock, DayPart, Part
from nlu.grammar.holidays import CHINESE
from nlu.grammar.seasons import AUTUMN, SPRING, SUMMER, WINTER
from nlu.grammar.when import Holiday, Now, Period, When

WEEKDAY_CHARS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6}
WEEKS = ("周", "週", "星期", "礼拜", "禮拜")
THIS = ("这", "這", "本", "这个", "這個", "这一", "今")
NEXT = ("下", "下个", "下個", "下一", "下一个")
LAST = ("上", "上个", "上個", "上一", "上一个")
DAYS: dict[int, str] = {
    0: "今天 今日 今儿 当天",
    1: "明天 明日 明儿 聽日",
    2: "后天 後天 后日",
    3: "大后天 大後天",
    -1: "昨天 昨日 昨儿",
    -2: "前天 前日",
    -3: "大前天",
}
YEARS = {0: "今年 本年", 1: "明年", 2: "后年 後年", -1: "去年", -2: "前年"}
DAWN, MORNING, NOON = Part(0, 6), Part(4, 12), Part(11, 14)
AFTERNOON, EVENING, NIGHT = Part(12, 19), Part(18, 24), Part(18, 24)
PARTS = {
    "凌晨": DAWN,
    "清晨": Part(4, 9),
    "早上": MORNING,
    "早晨": MORNING,
    "早间": MORNING,
    "上午": MORNING,
    "中午": NOON,
    "下午": AFTERNOON,
    "午后": AFTERNOON,
    "傍晚": Part(17, 20),
    "晚上": EVENING,
    "晚间": EVENING,
    "夜里": NIGHT,
    "夜晚": NIGHT,
    "半夜": Part(0, 6),
    "深夜": Part(21, 24),
}
SHORT_PARTS = {"早": MORNING, "晚": EVENING}  # only beside a day: 明早, 周五晚
UNITS = {
    "second": "秒 秒钟 秒鐘",
    "minute": "分钟 分鐘",
    "hour": "小时 小時 个小时 個小時 钟头 个钟头 個鐘頭 个钟 個鐘",
    "day": "天 日",
    "week": "周 週 个星期 個星期 星期 个礼拜 个周 礼拜",
    "month": "个月 個月",
    "quarter": "个季度",
    "year": "年",
}


NOT_TIMES = (
    "一点儿 有一点 一点也 一点都 一点点 快一点 慢一点 早一点 晚一点 便宜一点 "
    "好一点 多一点 少一点 大一点 小一点 近一点 高一点 低一点 贵一点 差一点 万一 "
    "千万 百分 百货 百度 十分 三明治 四川 五花肉 九寨沟 八宝 三亚 两全 一样 "
    "一般 一起 一些 一下 一直 一定 一共 一会儿 一会 统一 唯一 之一 其一 "
    "第一时间 三里屯 五道口 六里桥 七里 八达岭 十里 百花 千古 万达 万科 一旦 "
    "一切 一边 不一 三环 四环 五环 二环 六环 一号线 二锅头 三星级 四星级 五星级 "
    "一等 二手 两者 四周 周围 周边 附近"
).split()
"""Words that hold numerals or words of time and mean neither."""


SEASONS = {
    "春天": SPRING,
    "春季": SPRING,
    "夏天": SUMMER,
    "夏季": SUMMER,
    "秋天": AUTUMN,
    "秋季": AUTUMN,
    "冬天": WINTER,
    "冬季": WINTER,
}


def _entries() -> list[tuple[str, str, Any]]:
    found: list[tuple[str, str, Any]] = []
    for count, names in DAYS.items():
        found += ((name, "day", Period("day", count)) for name in names.split())
    for count, names in YEARS.items():
        found += ((name, "yearspan", Period("year", count)) for name in names.split())
    for count, words in ((0, THIS), (1, NEXT), (-1, LAST)):
        found += ((word, "weekrel", count) for word in words)
    found += (("下下", "weekrel", 2), ("上上", "weekrel", -2), ("下下个", "weekrel", 2))
    for week in WEEKS:
        found += ((week + char, "weekday", day) for char, day in WEEKDAY_CHARS.items())
        found.append((week, "week", None))
    for name in ("周末", "週末"):
        found.append((name, "weekend", None))
    found += ((name, "part", part) for name, part in PARTS.items())
    found += ((name, "shortpart", part) for name, part in SHORT_PARTS.items())
    found += _dayparts()
    for unit, names in UNITS.items():
        found += ((name, "unit", unit) for name in names.split())
    found += ((name, "moment", Now()) for name in ("现在", "現在", "此刻", "目前", "马上", "立刻"))
    found += ((name, "holiday", Holiday(day)) for name, day in CHINESE.items())
    found += ((name, "season", season) for name, season in SEASONS.items())
    found += ((name, "clock", Clock(12, fixed=True)) for name in ("正午",))
    found += ((name, "clock", Clock(24, fixed=True)) for name in ("午夜", "零时"))
    blocked = [(phrase, "block", None) for phrase in NOT_TIMES]
    return [*found, *_months(), *blocked]


def _dayparts() -> list[tuple[str, str, Any]]:
    days: dict[str, When] = {"今": Period("day"), "明": Period("day", 1), "昨": Period("day", -1)}
    names = {"早": MORNING, "晨": MORNING, "晚": EVENING, "夜": NIGHT}
    return [
        (day + name, "daypart", DayPart(part, when))
        for day, when in days.items()
        for name, part in names.items()
    ]


def _months() -> list[tuple[str, str, Any]]:
    found: list[tuple[str, str, Any]] = []
    for month in ("月", "月份"):
        found += ((word + month, "monthrel", 0) for word in ("这个", "這個", "本", "当"))
        found += ((word + month, "monthrel", 1) for word in ("下个", "下個", "下"))
        found += ((word + month, "monthrel", -1) for word in ("上个", "上個", "上"))
    for season in ("季度", "季"):
        found += ((word + season, "quarterrel", 0) for word in ("这个", "本", "这"))
        found += ((word + season, "quarterrel", 1) for word in ("下个", "下", "下一"))
        found += ((word + season, "quarterrel", -1) for word in ("上个", "上", "上一"))
    return found


WORDS = _entries()
