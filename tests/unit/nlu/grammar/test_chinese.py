"""Chinese dates, times and amounts, and sentences that have none."""

import pytest

from tests.unit.nlu.grammar.seen import found, times, values

# The sentence; the words that are the time; what it is in ISO 8601. It is Wednesday, 2026-11-18.
TIMES = """
今天几点关门 | 今天 | 2026-11-18
我明天过去 | 明天 | 2026-11-19
后天有空吗 | 后天 | 2026-11-20
大后天再说 | 大后天 | 2026-11-21
昨天的快递没到 | 昨天 | 2026-11-17
前天买的 | 前天 | 2026-11-16
周五可以吗 | 周五 | 2026-11-20
星期天不上班 | 星期天 | 2026-11-22
礼拜一见 | 礼拜一 | 2026-11-23
下周三下午三点 | 下周三下午三点 | 2026-11-25T15:00
下下周一开会 | 下下周一 | 2026-11-30
上周五下的单 | 上周五 | 2026-11-13
这周六来 | 这周六 | 2026-11-21
本周四上午十点 | 本周四上午十点 | 2026-11-19T10:00
下个星期二 | 下个星期二 | 2026-11-24
下周出发 | 下周 | 2026-W48
这个周末有房吗 | 这个周末 | 2026-11-20T18:00/2026-11-23T00:00
下个月再来 | 下个月 | 2026-12
上个月的账单 | 上个月 | 2026-10
三月五号 | 三月五号 | 2027-03-05
12月25日送到 | 12月25日 | 2026-12-25
2026年12月5日 | 2026年12月5日 | 2026-12-05
二零二七年三月三号 | 二零二七年三月三号 | 2027-03-03
下个月三号 | 下个月三号 | 2026-12-03
明年三月五日 | 明年三月五日 | 2027-03-05
我25号到 | 25号 | 2026-11-25
25号之前要 | 25号之前 | ../2026-11-25
十二月第一个星期一 | 十二月第一个星期一 | 2026-12-07
今年年底 | 今年年底 | 2026-09/2027-01
去年夏天来过 | 去年夏天 | 2025-06-21/2025-09-23
去年来过 | 去年 | 2025
上季度的报表 | 上季度 | 2026-07-01
第三季度 | 第三季度 | 2026-07-01
国庆节放假吗 | 国庆节 | 2027-10-01
春节还营业吗 | 春节 | 2027-02-06
中秋节送礼 | 中秋节 | 2027-09-15
平安夜 | 平安夜 | 2026-12-24
清明节 | 清明节 | 2027-04-05
下午三点 | 下午三点 | 2026-11-18T15:00
下午一点 | 下午一点 | 2026-11-18T13:00
晚上八点半 | 晚上八点半 | 2026-11-18T20:30
早上七点一刻 | 早上七点一刻 | 2026-11-19T07:15
三点十五分 | 三点十五分 | 2026-11-18T15:15
差五分三点 | 差五分三点 | 2026-11-18T14:55
明天早上六点 | 明天早上六点 | 2026-11-19T06:00
今晚8点半到 | 今晚8点半 | 2026-11-18T20:30
明晚七点 | 明晚七点 | 2026-11-19T19:00
凌晨两点 | 凌晨两点 | 2026-11-19T02:00
中午十二点 | 中午十二点 | 2026-11-18T12:00
上午7：30 | 上午7：30 | 2026-11-19T07:30
15:30 | 15:30 | 2026-11-18T15:30
周五晚上七点半 | 周五晚上七点半 | 2026-11-20T19:30
半小时后 | 半小时后 | 2026-11-18T10:30:00
过半小时再打 | 过半小时 | 2026-11-18T10:30:00
两个小时之后 | 两个小时之后 | 2026-11-18T12:00
三天后取 | 三天后 | 2026-11-21T10:00
两周前买的 | 两周前 | 2026-11-04
十五分钟以后 | 十五分钟以后 | 2026-11-18T10:15:00
三天以内到吗 | 三天以内 | 2026-11-18T10:00:00/2026-11-21T10:00:00
明天早上 | 明天早上 | 2026-11-19T04:00/2026-11-19T12:00
周五晚上 | 周五晚上 | 2026-11-20T18:00/2026-11-21T00:00
今晚有位子吗 | 今晚 | 2026-11-18T18:00/2026-11-19T00:00
下午三点到五点 | 下午三点到五点 | 2026-11-18T15:00/2026-11-18T18:00
周一至周五 | 周一至周五 | 2026-11-23/2026-11-28
明天下午两点到四点 | 明天下午两点到四点 | 2026-11-19T14:00/2026-11-19T17:00
十月一号到十月七号 | 十月一号到十月七号 | 2027-10-01/2027-10-08
下午五点之前 | 下午五点之前 | ../2026-11-18T17:00
周五以后 | 周五以后 | 2026-11-20/..
现在就要 | 现在 | 2026-11-18T10:00:00
未来三天的天气 | 未来三天 | 2026-11-19/2026-11-22
""".strip().splitlines()

NO_TIMES = """
便宜一点
能不能快一点
有一点贵
早一点告诉我
我有三点建议
第一点不明白
两点意见
大家一起去
你帮我一下
一共多少
一般般
不一样
有些一直没到
万一丢了呢
千万别忘
十分感谢
我要三个
来两杯咖啡
第三个
四个人
三明治一份
五花肉
去四川旅游
九寨沟门票
三亚的酒店
三里屯附近
五道口怎么走
三环路堵吗
五星级酒店
坐一号线
八宝饭
百度一下
一切都好
一百二十块
十块钱
月亮很圆
年轻人
日子过得好
天气怎么样
周围有什么
周边的景点
时间不够
小时候的事
分手了
点菜
几点开门
什么时候到
星星真亮
礼拜堂
号码是多少
一号店
房间号302
电话号码13812345678
25号楼怎么走
三号桌
早餐服务
晚了
后来呢
前面那家
上面
下面
左右
里面
""".strip().splitlines()


@pytest.mark.parametrize("row", TIMES)
def test_a_chinese_time_is_found_and_means_what_a_person_means(row: str) -> None:
    sentence, words, iso = (part.strip() for part in row.split(" | "))
    assert times(sentence, locale="zh") == [(words, iso)]


@pytest.mark.parametrize("sentence", NO_TIMES)
def test_no_time_is_read_into_other_chinese_words(sentence: str) -> None:
    assert times(sentence, locale="zh") == []


@pytest.mark.parametrize(
    ("sentence", "words", "amount"),
    [
        ("一百二十块", "一百二十块", "120 CNY"),
        ("一百二十块钱的套餐", "一百二十块钱", "120 CNY"),
        ("三块五", "三块五", "3.5 CNY"),
        ("十五元", "十五元", "15 CNY"),
        ("25.5元", "25.5元", "25.5 CNY"),
        ("两万五千元", "两万五千元", "25000 CNY"),
        ("100美元", "100美元", "100 USD"),
        ("五毛钱", "五毛钱", "0.5 CNY"),
        ("三块两毛", "三块两毛", "3.2 CNY"),
        ("人均50-100元的饭馆", "50-100元", "50/100 CNY"),
        ("三百到五百元", "三百到五百元", "300/500 CNY"),
        ("1000元以上", "1000元以上", "1000/.. CNY"),
        ("不超过两百块", "不超过两百块", "../200 CNY"),
    ],
)
def test_chinese_amounts(sentence: str, words: str, amount: str) -> None:
    assert values(sentence, "amount-of-money", locale="zh") == [(words, amount)]


@pytest.mark.parametrize(
    ("sentence", "words", "number"),
    [
        ("两个人", "两", 2),
        ("我要三份", "三", 3),
        ("十二张票", "十二", 12),
        ("一百零五", "一百零五", 105),
        ("一百二", "一百二", 120),
        ("两千三百", "两千三百", 2_300),
        ("三万五", "三万五", 35_000),
        ("一亿两千万", "一亿两千万", 120_000_000),
        ("3万", "3万", 30_000),
        ("1.5亿", "1.5亿", 150_000_000),
        ("二零二六", "二零二六", 2026),
    ],
)
def test_chinese_numbers(sentence: str, words: str, number: float) -> None:
    assert values(sentence, "number", locale="zh") == [(words, number)]


@pytest.mark.parametrize("sentence", ["一起走", "万一", "十分好", "统一", "三明治", "星期三"])
def test_a_numeral_in_a_word_is_no_number(sentence: str) -> None:
    assert values(sentence, "number", locale="zh") == []


@pytest.mark.parametrize(
    ("sentence", "words", "duration"),
    [
        ("半小时", "半小时", "PT30M"),
        ("一个半小时", "一个半小时", "PT90M"),
        ("两个小时", "两个小时", "PT2H"),
        ("三天", "三天", "P3D"),
        ("两周", "两周", "P2W"),
        ("三个月", "三个月", "P3M"),
        ("半年", "半年", "P6M"),
        ("一刻钟", "一刻钟", "PT15M"),
        ("1小时30分钟", "1小时30分钟", "PT90M"),
        ("玩1小时 - 2小时", "1小时 - 2小时", "PT1H/PT2H"),
        ("3到5小时", "3到5小时", "PT3H/PT5H"),
    ],
)
def test_chinese_durations(sentence: str, words: str, duration: str) -> None:
    assert values(sentence, "duration", locale="zh") == [(words, duration)]


@pytest.mark.parametrize("sentence", ["第二天去", "打分", "年轻", "天气"])
def test_a_unit_in_a_word_is_no_duration(sentence: str) -> None:
    assert values(sentence, "duration", locale="zh") == []


def test_chinese_ordinals() -> None:
    assert values("第三个", "ordinal", locale="zh") == [("第三", 3)]
    assert values("我选第12个", "ordinal", locale="zh") == [("第12", 12)]


def test_both_languages_of_a_sentence_are_read() -> None:
    assert times("book me a table 明天 please, at 7pm") == [
        ("明天", "2026-11-19"),
        ("at 7pm", "2026-11-18T19:00"),
    ]


def test_traditional_characters_are_read_too() -> None:
    assert times("後天下午三點") == [("後天下午三點", "2026-11-20T15:00")]


def test_chinese_words_mean_nothing_where_the_locale_is_of_another_language() -> None:
    assert found("明日19:30", locale="ja")[0].value["iso"].startswith("2026-11-18T19:30")
