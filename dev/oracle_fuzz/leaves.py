"""Owns: what random expressions end in: literals of every type, the ordinary ones and the edges, and texts that mean something to a function.
Does not own: which function there is, nor how an expression grows (grammar.py).
Invariant: every literal is right by itself and says the same each time. Left out is what is known to differ, or is a fault of Trino's own
that nobody should have from us: zones other than by offset before 1970; doubles whose sum depends on the order of additions (`SUMMED`); the
least integers of each type, which divided by -1 are none of it; decimals of 38 digits, which Trino compares without a cast
where one side is a constant.
"""

BOTH = "'UTC' '+05:30' '-08:00' '+00:00' '+14:00'".split()
TEXTS = [
    "''", "'a'", "'abc'", "'ABC'", "' padded '", "'é'", "'日本x'", "'😀a'", "'a,b,,c'", "'aXbXc'", "'0'", "'12'", "'-1.5'", "'1e3'", "'true'",
    "'2024-02-29'", "'2024-03-10 02:30:00.123456'", "'NaN'", "'Straße'", "'%_'", "'x=1;y=2;x=3'", "'tab\tnl\n'", "'I'", "U&'e\\0301'",
]  # fmt: skip
LITERALS: dict[str, list[str]] = {
    "boolean": ["true", "false"],
    "tinyint": [f"TINYINT '{n}'" for n in (0, 1, -1, 2, 7, 127, -127)],
    "smallint": [f"SMALLINT '{n}'" for n in (0, 1, -1, 3, 100, 32767, -32767)],
    "integer": ["0", "1", "-1", "2", "3", "5", "10", "100", "2024", "2147483647", "-2147483647"],
    "bigint": [f"BIGINT '{n}'" for n in (0, 1, -1, 2, 3, 12, 60, 1000, 1700000000, 9223372036854775807, -9223372036854775807)],
    "decimal": [
        "0.0", "1.5", "-2.25", "0.005", "10.", ".5", "99.99", "-0.5", "123456789.123456789", "DECIMAL '7'", "DECIMAL '-0.00'",
        "12345678901234567890.123", "DECIMAL '9999999999999999999999999999'", "DECIMAL '0.0000000001'", "DECIMAL '-9999999999.9999999999'",
        "999999999999999999.", "2.50", "3.5",
    ],
    "double": [
        "0e0", "1e0", "-1e0", "2.5e0", "3.5e0", "-0.5e0", "0.1e0", "1e-3", "100e0", "123456.789e0", "1e7", "1e16", "-0e0", "nan()", "infinity()",
        "-infinity()", "1.7976931348623157e308", "5e-324", "9.007199254740993e15",
    ],
    "real": [f"REAL '{n}'" for n in ("0", "1", "-1.5", "0.1", "2.5", "1e10", "16777217", "3.4028235e38", "1e-30", "-0", "NaN", "Infinity")],
    "varchar": TEXTS,
    "char": ["CHAR 'ab'", "CHAR 'a '", "CAST('x' AS char(3))", "CHAR ''", "CHAR 'é '", "CAST('Abc' AS char(5))"],
    "varbinary": ["X''", "X'00'", "X'00ff'", "X'616263'", "to_utf8('é')", "X'ff80'", "X'0102030405060708'"],
    "date": [f"DATE '{d}'" for d in ("1970-01-01", "2024-02-29", "2023-12-31", "2024-01-31", "2000-02-28", "1969-12-31", "0001-01-01", "9999-12-31", "2021-01-03")],
    "time": [f"TIME '{t}'" for t in ("00:00:00", "23:59:59.999", "12:34:56", "01:02", "09:30:00.123456", "23:59:59.999999999999")],
    "time with time zone": [f"TIME '{t}'" for t in ("00:00:00+00:00", "23:59:59.999+05:30", "12:34:56.123456-08:00", "01:02+14:00")],
    "timestamp": [
        f"TIMESTAMP '{t}'"
        for t in (
            "2024-03-10 02:30:00", "2024-02-29 23:59:59.999", "1970-01-01 00:00:00.000000", "2024-11-03 01:30:00.123456", "1969-12-31 23:59:59.999999",
            "2023-12-31 12:00:00.123456789", "2000-01-01 00:00:00.000000000001", "2024-01-31 09:30:00.5", "0001-01-01 00:00:00", "9999-12-31 23:59:59.999",
        )
    ],
    "timestamp with time zone": [
        f"TIMESTAMP '{t}'"
        for t in (
            "2024-03-10 01:59:59.999 America/New_York", "2024-03-10 03:00:00 America/New_York", "2024-11-03 01:30:00.123456 America/New_York",
            "2024-03-31 00:59:59.999999999 UTC", "2024-10-27 02:30:00 Europe/London", "1970-01-01 00:00:00.000 +05:30", "2024-02-29 12:00:00.5 -08:00",
            "2024-07-01 00:00:00 Asia/Kolkata", "2024-01-31 23:59:59.999999999999 UTC", "2005-06-15 10:00:00 Australia/Lord_Howe",
        )
    ],
    "interval day to second": [
        "INTERVAL '1' DAY", "INTERVAL '-1' SECOND", "INTERVAL '36' HOUR", "INTERVAL '1 02:03:04.567' DAY TO SECOND", "INTERVAL '0' MINUTE", "INTERVAL '1.5' SECOND",
    ],
    "interval year to month": ["INTERVAL '1' MONTH", "INTERVAL '-13' MONTH", "INTERVAL '2-3' YEAR TO MONTH", "INTERVAL '0' YEAR", "INTERVAL '100' YEAR"],
    "json": [
        f"JSON '{j}'"
        for j in ("null", "1", "-1.50", "1e2", '"a"', '"é\\n"', "true", "[]", "{}", "[1,null,\"x\"]", '{"b":1,"a":[{"c":2.0}]}', "[[1,2],[3]]", '{"a":1}')
    ],
    "uuid": ["UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'", "UUID '00000000-0000-0000-0000-000000000000'", "UUID 'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
    "ipaddress": ["IPADDRESS '10.0.0.1'", "IPADDRESS '::1'", "IPADDRESS '2001:db8::ff00:42:8329'", "IPADDRESS '255.255.255.255'"],
    "unknown": ["NULL"],
}  # fmt: skip

REGEXES = ["'a'", "'[a-z]+'", "'(\\w)(\\d*)'", "'^'", "'$'", "'x*'", "'\\bX'", "'(?i)abc'", "'a|b|'", "'(a)?b'", "'\\p{L}'", "'.'", "','", "'\\s+'", "'('"]
PATHS = ["'$'", "'$.a'", "'$[0]'", "'$.a[0].c'", "'$[\"b\"]'", "'$.*'", "'$.store.book'", "'$[1]'", "'bad'", "'$.a[*]'"]
JSON_TEXTS = ["'1'", "'[1,2,3]'", "'{\"a\":{\"b\":[true,null]}}'", "'[\"x\",1.5]'", "'{'", "'\"s\"'", "' [1] '", "'{\"a\":1,\"a\":2}'", "'null'"]
UNITS = [f"'{u}'" for u in ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "DAY", "eon")]
URLS = ["'http://user@example.com:8080/a/b?x=1&y=%20z#frag'", "'https://x.org'", "'no url'", "'a b&c=é'", "'%41%zz'", "'http://h/p?k'", "'/p?x=1'"]
MYSQL = ["'%Y-%m-%d'", "'%H:%i:%s.%f'", "'%W %M %e %y %j %p %h'", "'%T'", "'%v %x'", "'plain'", "'%D'"]
JODA = ["'yyyy-MM-dd'", "'HH:mm:ss.SSS'", "'EEE, d MMM yy'", "'hh a'", "'xxxx-ww-e'", "'yyyy-MM-dd''T''HH:mm:ssZZ'", "'DDD G'", "'QQ'"]
SMALL = ["0", "1", "2", "3", "-1", "-2", "5", "10"]
ISO = ["'2024-02-29'", "'2024-02-29T12:34:56.789Z'", "'2024-W05-3'", "'2024-060'", "'2024-03-10T02:30:00-05:00'", "'2024-02-29T12:34:56.123456789+05:30'", "'x'"]
ENCODED = ["'YWJj'", "'aGk='", "'616263'", "'xyz'", "'MFRGG==='", "'_-8='", "'0'", "''"]
PROBABLE = ["0e0", "0.5e0", "1e0", "0.05e0", "0.999e0", "0.25e0", "-0.1e0", "2e0"]

# What an argument is drawn from, nine times in ten: by function and place, or by the type that only literals have.
MEANT: dict[tuple[str, int], list[str]] = {
    **{(name, 0): UNITS for name in ("date_add", "date_diff", "date_trunc")},
    **{("date_add", 1): SMALL, ("repeat", 1): SMALL, ("ngrams", 1): SMALL, ("combinations", 1): SMALL, ("concat_ws", 0): ["','", "''"]},
    **{(name, 1): SMALL for name in ("lpad", "rpad", "substr", "substring", "element_at", "slice", "trim_array", "round", "truncate", "$subscript")},
    **{(name, 2): SMALL for name in ("substr", "substring", "slice", "split", "split_part", "strpos", "regexp_extract", "regexp_extract_all", "regexp_position")},
    **{(name, 0): JSON_TEXTS for name in ("json_parse", "json_extract", "json_extract_scalar", "json_size", "json_array_length", "json_array_get", "is_json_scalar", "json_array_contains")},
    **{(name, 1): BOTH for name in ("at_timezone", "with_timezone")},
    **{(name, 0): URLS for name in ("url_extract_host", "url_extract_path", "url_extract_port", "url_extract_query", "url_extract_fragment", "url_extract_protocol", "url_extract_parameter", "url_decode", "url_encode")},
    **{("url_extract_parameter", 1): ["'x'", "'y'", "'k'"], ("date_format", 1): MYSQL, ("date_parse", 1): MYSQL, ("date_parse", 0): ["'2024-02-29'", "'12:34:56.5'"]},
    **{("format_datetime", 1): JODA, ("parse_datetime", 1): JODA, ("parse_datetime", 0): ["'2024-02-29'", "'12:34:56.789'"], ("from_unixtime", 1): BOTH},
    **{(name, 0): ISO for name in ("from_iso8601_date", "from_iso8601_timestamp", "from_iso8601_timestamp_nanos", "date")},
    **{(name, 0): ENCODED for name in ("from_base32", "from_base64", "from_base64url", "from_hex", "from_base", "luhn_check")},
    **{("parse_duration", 0): ["'1.5d'", "'3 ms'", "'2h'", "'x'"], ("parse_data_size", 0): ["'2.3MB'", "'1B'", "'1kB'"], ("parse_presto_data_size", 0): ["'2.3MB'", "'1B'"]},
    **{("from_base", 1): ["2", "10", "16", "36"], ("to_base", 1): ["2", "10", "16", "36", "1"], ("split", 1): ["','", "'X'"], ("split_part", 1): ["','", "'X'"]},
    **{("split_to_map", 0): ["'x=1;y=2'", "'x=1;y=2;x=3'"], ("split_to_map", 1): ["';'"], ("split_to_map", 2): ["'='"], ("from_utf8", 1): ["'?'", "''", "63"]},
    **{("split_to_multimap", 0): ["'x=1;y=2;x=3'"], ("split_to_multimap", 1): ["';'"], ("split_to_multimap", 2): ["'='"], ("chr", 0): ["97", "0", "233", "128512", "55296", "-1"]},
    **{(name, at): SMALL for name in ("sequence", "bar") for at in (1, 2)},
    **{(name, at): PROBABLE for name in ("normal_cdf", "inverse_normal_cdf", "beta_cdf", "inverse_beta_cdf") for at in (0, 1, 2)},
    **{("width_bucket", 3): SMALL, ("contains", 0): ["'10.0.0.0/8'", "'::/0'"], ("codepoint", 0): ["'a'", "'é'", "'😀'"], ("hamming_distance", 1): ["'a'", "'abc'"]},
    **{(name, 1): ["0", "1", "4", "63", "64", "-1"] for name in ("bitwise_left_shift", "bitwise_right_shift", "bitwise_right_shift_arithmetic", "bit_count")},
    **{(name, 1): SMALL for name in ("lag", "lead", "nth_value", "max", "min")},
    **{("ntile", 0): ["1", "2", "3"], ("max_by", 2): SMALL, ("min_by", 2): SMALL},
}  # fmt: skip
# Times that no calendar reaches are this fault or that.
NEVER_ANY = {("date_add", 1)}
ONLY_LITERAL = {"joniregexp": REGEXES, "jsonpath": PATHS, "codepoints": ["'a'", "' x'", "''", "'é'"]}

# Doubles whose sums are the same in any order.
SUMMED = ["0e0", "1e0", "-1.5e0", "2.25e0", "100e0", "NULL", "3e0"]
