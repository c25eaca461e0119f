"""Templates that try every construct of the interpreter: (template, variables). jinja_cases.py adds Python's answers."""

VARS = {
    "s": "Hello World",
    "u": "Zürich Straße ŉ ﬁ",
    "ws": " \t padded \n",
    "n": 7,
    "big": 18446744073709551615,
    "neg": -7,
    "f": 3.75,
    "t": True,
    "no": None,
    "xs": [3, 1, 2],
    "names": ["b", "A", "c", "a"],
    "d": {"one": 1, "two": 2, "items": "own", "k y": [1, {"z": None}]},
    "people": [
        {"name": "Eve", "age": 30, "tags": ["x"]},
        {"name": "adam", "age": 20, "tags": []},
        {"name": "Bob", "age": 30, "address": {"city": "Oslo"}},
    ],
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi <there> & 'you'"},
        {"role": "assistant", "content": "Yes?\n", "tool_calls": [{"name": "f", "arguments": {"a": 1.0, "b": [True, None]}}]},
    ],
    "tree": [{"n": 1, "c": [{"n": 2, "c": []}, {"n": 3, "c": [{"n": 4, "c": []}]}]}, {"n": 5, "c": []}],
}

EXPRESSIONS = """
1 + 2 * 3 - 4 / 2
7 // 2, -7 // 2, 7 // -2, 7 % 3, -7 % 3, 7 % -3
7.5 // 2, -7.5 // 2, 7.5 % 2, -7.5 % 2, 1e3, 1e16, 1e-5, 0.1 + 0.2
2 ** 10, 2 ** -1, 2.0 ** 3, -2 ** 2, 2 ** 3 ** 2
1 / 0
1 // 0
1.0 / 0
1 % 0
true + 1, true * 3, -true, +true
1_000, 0x1F, 0b101, 0o17, 1.5e3, 12.0, 1e100, 123456789012345.6, 1e15, 1e22
1 == 1.0, 1 == true, '1' == 1, none == false, [1] == [1.0], (1,) == [1]
1 < 2 < 3, 1 < 3 < 2, 3 > 2 > 1, 1 <= 1 >= 1, 'a' < 'b', [1, 2] < [1, 3], (1,) < (1, 2)
1 < 'a'
none < 1
[1] < ['a']
1 in xs, 9 not in xs, 'one' in d, 1 in d, 'ell' in s, '' in s
1 in s
1 in 5
[] in d
s[0], s[-1], s[1:3], s[:-2], s[::2], s[::-1], s[5:100], s[100:], s[-100:3], s[3:1]
u[0:2], u[-3:], u[::-1], u[7], u|length
xs[0], xs[-1], xs[1:], xs[::-1], xs[5] is defined, xs[:2], xs[-2:], xs[2:0:-1]
(1, 2, 3)[1:], (1,), (), ((1, 2), 3), [1, [2, [3]]], {}, {'a': {'b': ()}}
xs['a'] is defined, s['x'] is defined, d['one'], d.one, d['zzz'] is defined, d.zzz is defined
d[1:2]
n[0:1]
xs['a':]
xs[::0]
xs[0.5] is defined
d.items is string, d['items'], d.items() | list
d.get('one'), d.get('x'), d.get('x', 5)
d.get('x', default=5)
d.keys(), d.values(), d.items(), d.keys()|list, d|list
d.pop('one')
xs.append(4)
xs.sort()
d.update({'x': 1})
d.pop is defined, xs.append is defined
xs.index(1), xs.count(3), (1, 2, 1).count(1), xs.copy()
xs.index(99)
missing
missing.x
missing['x']
missing + 1
1 + missing
'a' + missing
missing()
missing|upper, missing|length, missing|list, missing|first is defined, missing|join('x')
missing|int
d.missing
d.missing.deeper
d['missing']['x']
d.missing + 'x'
s.missing.x
xs.missing()
none.x
none.x.y
none[0] is defined
n.x is defined
n()
s()
none + 1
1 + 'a'
'a' + 1
'a' + none
[1] + [2, 3], (1,) + (2,)
[1] + (2,)
[1] + 'a'
{} + {}
'ab' * 3, 3 * 'ab', 'ab' * 0, 'ab' * -1, [0] * 3, (1, 2) * 2, 'a' * true
'a' * 'b'
'a' * 1.5
[1] * none
'a' - 'b'
-'a'
not 1, not 0, not '', not 'a', not none, not [], not [0], not {}, not missing
1 and 2, 0 and 2, 1 or 2, 0 or 2, '' or none, none and x, not (1 and 0)
1 if t else 2, 1 if not t else 2, 1 if not t
(1 if not t).x
'a' if 1 > 2 else 'b' if 1 > 3 else 'c'
1 ~ 'a' ~ none ~ true ~ 1.0 ~ [1, 'x'] ~ missing ~ {'a': 1}
'a' 'b' "c"
'it\\'s', "q\\"q", 'tab\\tnl\\n', '\\x41\\u00e9\\U0001F600\\101', 'back\\\\slash', 'keep\\d'
'%s is %d' % ('a', 5), '%5.2f|%-5s|%05d|%x|%X|%o|%e|%g' % (3.14159, 'ab', 42, 255, 255, 8, 12345.678, 0.0001)
'%s' % 5, '%s' % [1, 2], '%r' % 'a', '%%', '%(a)s-%(b)d' % {'a': 1, 'b': 2}, '%+d % d' % (1, 2), '%c' % 'x', '%.3s' % 'abcdef', '%10s|' % 'a', '%i' % 3.9
'%d' % 'a'
'%s %s' % (1,)
'%s' % (1, 2)
'abc' % 1
'%s' % missing
'{} {1} {0}'.format(1, 2)
'{} {}'.format(1, 2), '{0}{1}{0}'.format('a', 'b'), '{x}-{y.one}-{z[0]}'.format(x=1, y=d, z=xs), '{{}}'.format(), '{!r}'.format('a')
'{:>5}|{:<5}|{:^5}|{:*^7}|{:05d}|{:+.2f}|{:,}|{:x}|{:.1%}|{:e}|{:g}'.format('a', 'b', 'c', 'd', 42, 3.14159, 1234567, 255, 0.256, 12345.678, 0.5)
'{:5}|{:5}|{:.2}|{:10.3f}|{:b}'.format('a', 1, 'abc', 2.0, 5)
'{'.format()
'{} {}'.format(1)
s|upper, s|lower, s|title, s|capitalize, 'heLLO wORLD-x (y) [z]'|title, u|upper, u|lower, u|title, u|capitalize
s.upper(), s.lower(), s.title(), s.swapcase(), u.upper(), "it's o'clock 3rd".title(), 'ΑΣ ΣΑΣ'.lower()
ws|trim, ws.strip()|length, ws.lstrip()|tojson, ws.rstrip()|tojson, 'xxaxx'|trim('x'), 'xyaxy'.strip('xy'), 'aXb'.strip('ab'), '\u3000a\u00a0\x1c'|trim
'a,b,c'.split(','), ' a  b '.split(), 'a b c'.split(' ', 1), 'a b c'.split(None, 1), 'a,b,c'.rsplit(',', 1), ''.split(), ''.split(','), ' a b  c '.rsplit(None, 1), 'aXXbXXc'.split('XX'), 'a b c'.split(maxsplit=1)
'a'.split('')
'a\\nb\\r\\nc\\n'.splitlines(), 'a\\nb'.splitlines(true)
'a-b-c'.partition('-'), 'a-b-c'.rpartition('-'), 'abc'.partition('-'), 'abc'.rpartition('-')
'a-b'.replace('-', '+'), 'aaa'.replace('a', 'b', 2), 'abc'.replace('', '-'), 'abc'.replace('x', 'y'), 'aaa'.replace('aa', 'b'), 'äöä'.replace('ä', 'xx'), 'ab'.replace('', '.', 2)
s.startswith('Hell'), s.endswith('d'), s.startswith(('x', 'H')), s.endswith('World', 6), s.startswith('W', 6), s.startswith('')
s.startswith(1)
s.find('o'), s.rfind('o'), s.find('zz'), s.index('W'), s.count('l'), s.count(''), s.find('o', 5), u.find('S'), u.rfind('e'), 'aaa'.count('aa')
s.index('zz')
'-'.join(['a', 'b']), '-'.join('abc'), ''.join([])
'-'.join([1])
'a'.center(5) ~ '|', 'ab'.center(5, '*'), 'a'.ljust(3, '.') , 'a'.rjust(3) , '7'.zfill(3), '-7'.zfill(4), 'abc'|center(8) ~ '|'
'abc'.isalpha(), 'ab1'.isalpha(), '12'.isdigit(), 'a1'.isalnum(), ' '.isspace(), ''.isspace(), 'AB'.isupper(), 'aB'.islower(), 'ab'.islower(), ''.isascii(), 'é'.isascii(), '1'.isdecimal(), '1'.isnumeric()
'abc'.removeprefix('a'), 'abc'.removesuffix('c'), 'abc'.removeprefix('x')
s.__class__
s.__class__.__mro__
''.__class__ is defined
d.__init__.__globals__
xs.__len__()
s|length, xs|length, d|length, xs|count, n is number
n|length
no|length
xs|first, xs|last, []|first is defined, 'abc'|first, 'abc'|last, d|first
xs|sort, xs|sort(reverse=true), names|sort, names|sort(case_sensitive=true), people|sort(attribute='age')|map(attribute='name')|list, people|sort(attribute='age,name')|map(attribute='name')|join(',')
[1, 'a']|sort
xs|max, xs|min, []|max is defined, names|max, names|min, people|max(attribute='age'), xs|sum, people|sum(attribute='age'), xs|sum(start=10), []|sum
['a', 'b']|sum
xs|reverse|list, 'abc'|reverse, d|reverse|list
xs|join, xs|join(', '), people|join(', ', attribute='name'), 'abc'|join('-'), xs|join(1)
xs|list, 'abc'|list, d|list, (1, 2)|list, range(3)|list
xs|unique|list, [1, 1.0, true, 'a', 'A', 'b']|unique|list, [1, 1]|unique|length
names|unique|list, names|unique(case_sensitive=true)|list, people|unique(attribute='age')|map(attribute='name')|list
people|groupby('age'), people|groupby('age')|map(attribute=0)|list
people|groupby('address.city', default='none')|list|length
{'b': 1, 'A': 2, 'c': 0}|dictsort, {'b': 1, 'A': 2, 'c': 0}|dictsort(true), {'b': 1, 'A': 2, 'c': 0}|dictsort(false, 'value'), {'b': 1, 'A': 2}|dictsort(reverse=true)
d|items|list, missing|items|list
xs|items|list
people|map(attribute='name')|list, people|map(attribute='address.city')|list, people|map(attribute='address.city', default='-')|list, names|map('upper')|list, xs|map('string')|join('+'), people|map(attribute='tags.0')|list
xs|map|list
xs|map('nosuch')|list
people|selectattr('tags')|map(attribute='name')|list, people|selectattr('age', 'gt', 25)|map(attribute='name')|list, people|rejectattr('age', 'equalto', 30)|map(attribute='name')|list, people|selectattr('address', 'defined')|list|length
xs|select('odd')|list, xs|reject('odd')|list, [0, 1, '']|select|list, [0, 1, '']|reject|list, xs|select('>', 1)|list, xs|select('in', [1, 2])|list
xs|select('nosuch')|list
[1, 2, 3, 4, 5]|batch(2)|list, [1, 2, 3, 4, 5]|batch(2, 0)|list, [1, 2, 3, 4, 5]|slice(2)|list, [1, 2, 3, 4, 5]|slice(3, 0)|list
xs|map('string'), xs|select|length
xs|select|tojson
no|select|list, no|map('upper')|list
'42'|int, '42.9'|int, 'x'|int, 'x'|int(5), '0x1F'|int(0, 16), '1010'|int(base=2), 3.9|int, true|int, ' 12 '|int, '1e3'|int, none|int, [1]|int(7), '-5'|int
'3.5'|float, 'x'|float, 'x'|float(1.5), 5|float, true|float, 'inf'|float, '1e400'|float, none|float
-5|abs, -5.5|abs, true|abs
'a'|abs
2.5|round, 3.5|round, 2.675|round(2), 42|round, 42.567|round(1, 'ceil'), 42.567|round(1, 'floor'), -2.5|round, 1234.5|round(-2), 1e300|round(2), 0.5|round, 1.005|round(2)
xs|tojson, d|tojson, s|tojson, u|tojson, u|tojson(ensure_ascii=true), no|tojson, t|tojson, f|tojson, 1e16|tojson, '\\x00\\x1f\\x7f"\\\\/<>&\\''|tojson, '\U0001F600'|tojson(ensure_ascii=true)
d|tojson(indent=2), []|tojson(indent=2), {}|tojson(indent=2), [[]]|tojson(indent=1), xs|tojson(indent='--'), xs|tojson(separators=(',', ':')), xs|tojson(indent=2, separators=(',', ':'))
{'b': 1, 'a': {'d': 1, 'c': 2}}|tojson(sort_keys=true), {1: 'a', none: 'b', true: 'c', 1.5: 'd'}|tojson, (1, 2)|tojson, big|tojson, big, big|string, big + 0.5 > 1, neg|tojson
missing|tojson
range(3)|tojson
namespace(a=1)|tojson
s|replace('o', '0'), s|replace('o', '0', 1), 'a.b'|replace('.', ''), 5|replace(5, 6)
s|indent, 'a\\nb\\n\\nc'|indent, 'a\\nb'|indent(2, true), 'a\\n\\nb'|indent(2, blank=true), 'a\\nb'|indent('> '), 'a\\nb\\n'|indent(2), ''|indent(2, true)
'hello world foo'|truncate(11), 'hello world foo'|truncate(8), 'hello world foo'|truncate(8, true), 'hello world foo'|truncate(8, false, '!', 0), 'hello'|truncate(4)
'a b  c'|wordcount, ''|wordcount, "it's"|wordcount
'%s-%s'|format('a', 1), '%(x)s'|format(x=2)
'a b/ü?&'|urlencode
'<a & b>'|e, '<a>'|escape, '<a>'|safe, ('<a>'|safe) ~ '<b>', '<x>'|e|e, '<x>'|e|forceescape
('<a>'|safe) + '<b>', '<b>' + ('<a>'|safe), ('%s'|safe) % '<', ('<a>'|safe)|upper, ('<a>'|safe)|string is escaped
missing|default('x'), missing|d('x'), no|default('x'), no|default('x', true), ''|default('x', boolean=true), d.zzz|default(1), missing|default, 0|d(5, true)
d|attr('one') is defined, s|attr('upper') is defined
s|pprint, xs|pprint
s|string, 5|string, none|string, true|string, 1.0|string, [1, 'a', none, 2.0, {'x': (1,)}]|string, missing|string
'a\\'b', ['a\\'b', 'a"b', 'a\\'"b', '\\n\\t\\x00é\u00ad\u200b\\\\']
range(5), range(1, 5), range(0, 10, 3), range(5)|list, range(5, 0, -2)|list, range(3)|length, range(3)[1], 2 in range(3), range(10)[2:5]|list
range(1000000)
range(0, 1, 0)
range('a')
range()
1 is odd, 2 is even, 4 is divisibleby 2, 4 is divisibleby(3), 1 is number, 'a' is number, true is number, 1 is integer, true is integer, 1.0 is float, 1 is float, 1.0 is integer
'a' is string, 1 is string, [] is sequence, {} is sequence, 'a' is sequence, 1 is sequence, (1,) is sequence, {} is mapping, [] is mapping, [] is iterable, 1 is iterable, none is iterable, range(3) is sequence, xs|map('string') is sequence, xs|map('string') is iterable, d.items() is sequence
none is none, missing is none, missing is defined, missing is undefined, no is defined, t is true, 1 is true, false is false, 0 is false, t is boolean, 1 is boolean
1 is eq 1, 1 is equalto(1), 1 is ne 2, 1 is lt 2, 1 is le 1, 2 is gt 1, 2 is ge 3, 1 is lessthan 2, 1 is greaterthan 2, 'a' is in 'abc', 1 is in [1], 1 is not in [1]
'AB' is upper, 'ab' is lower, 'Ab' is lower, range is callable, s is callable, 'upper' is filter, 'nosuch' is filter, 'odd' is test, xs is sameas xs, 1 is sameas 1
1 is nosuch
1|nosuch
1 is not odd, not 1 is odd, 1 is odd and 2 is even, 1 is defined and true
x is defined, messages is defined and messages[0].role == 'system'
-1|abs, -(1)|abs, 2 * 3|string, 'a' ~ 1|string|length
d.one + d['two'] * 2, messages[1]['content']|length, messages[-1].tool_calls[0].arguments|tojson, messages[2].tool_calls[0]['arguments'].b[0]
dict(a=1, b=2), dict({'x': 1}, y=2), dict([('a', 1)]), namespace(a=1).a, namespace({'q': 2}).q
strftime_now('%Y-%m-%d %H:%M:%S'), strftime_now('%d %b %Y'), strftime_now('%B %d, %Y'), strftime_now('%A %a %j %U %W %p %I %y %e %-d %-m %%'), strftime_now('%G-W%V-%u %w %F %T %D %R')
raise_exception('no way: ' ~ n)
people[0]['name'] ~ people[1].name, people.0.name, people[0].tags[0], people[2].address.city, people[0].address.city is defined
(xs|sort)[0], (1, 2)[0], [1, 2][1], {'a': 1}['a'], 'abc'[1], (s ~ u)[0]
[1, 2, 3,], (1, 2,), {'a': 1,}, []
[x, xs]|length, {'a': missing}.a is defined, [missing]
[] == (), {} == {}, {'a': [1]} == {'a': [1.0]}, missing == missing, missing == none, none == none, 'a' != 'b', d == d, xs != xs
s is string and s|length > 3 or false
(d.items()|list)[0][0], d.items()|length, d.keys()|first, d.values()|list|length
d.items()[0] is defined
1.__class__
'a'.b.c
"{{ not a tag }}", '{% x %}'
messages|map(attribute='role')|join('|'), messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|first
messages|selectattr('role', 'in', ['user', 'system'])|list|length
messages|rejectattr('role', '==', 'user')|map(attribute='role')|list
'a'.upper().lower().title()[0] ~ 'x'.join(['1', '2'])
'x' in ['x'] and 'y' not in {'x': 1}
[[1, 2], [3]]|sum(start=[])
[1, 2, 3]|map('multiply', 2)|list
xs|sort|first, xs|sort()|last, xs|list|first
'a' < 'B', 'a' < 'B'|lower
0.1, 100.0, 1e300, -0.0, 1.0e-7, 5e-324, 0.00001234, 123456.789e3, 9007199254740993.0
9223372036854775807, -9223372036854775807
""".strip("\n").split("\n")

STATEMENTS = [
    "{% if n > 5 %}big{% elif n > 3 %}mid{% else %}small{% endif %}",
    "{% if missing %}a{% elif no %}b{% elif '' %}c{% else %}d{% endif %}",
    "{% for x in xs %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}",
    "{% for x in xs %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}",
    "{% for x in [1, 1, 2, 2, 3] %}{{ loop.changed(x) }} {% endfor %}",
    "{% for x in range(5) %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in [] %}x{% else %}empty{% endfor %}",
    "{% for x in xs if x > 1 %}{{ x }}{{ loop.index }}{{ loop.length }} {% else %}none{% endfor %}",
    "{% for x in xs if x > 9 %}{{ x }}{% else %}none{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}:{{ v }};{% endfor %}",
    "{% for k in d %}{{ k }};{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3)), (4, (5, 6))] %}{{ a }}{{ b }}{{ c }} {% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}",
    "{% for a, b in [(1,)] %}{{ a }}{% endfor %}",
    "{% for a, b in [1] %}{{ a }}{% endfor %}",
    "{% for c in 'äb' %}[{{ c }}]{% endfor %}",
    "{% for x in n %}{% endfor %}",
    "{% for x in no %}{% endfor %}",
    "{% for x in missing %}a{% else %}b{% endfor %}",
    "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in xs %}{% for y in xs %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}|{% endfor %}",
    "{% for node in tree recursive %}{{ node.n }}({{ loop(node.c) }}){{ loop.depth }}{% endfor %}",
    "{% for node in tree %}{{ loop(node.c) }}{% endfor %}",
    "{% set x = 1 %}{% for i in xs %}{% set x = x + i %}{{ x }},{% endfor %}{{ x }}",
    "{% set ns = namespace(x=0) %}{% for i in xs %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns }}",
    "{% set ns = namespace() %}{{ ns.a is defined }}{% set ns.a = [1] %}{{ ns.a }}{{ ns['a'] }}",
    "{% set ns = namespace() %}{{ ns.zzz.y }}",
    "{% set d.x = 1 %}",
    "{% set missing.x = 1 %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = [1] %}",
    "{% set a = 1, 2 %}{{ a }}",
    "{% set (a, b), c = (1, 2), 3 %}{{ a }}{{ b }}{{ c }}",
    "{% set x %}  block {{ n }} {% endset %}[{{ x }}]",
    "{% set x | trim | upper %}  block {{ n }} {% endset %}[{{ x }}]",
    "{% set x | replace('b', 'c') %}b{% endset %}{{ x }}",
    "{% if t %}{% set y = 5 %}{% endif %}{{ y }}",
    "{% if not t %}{% set y = 5 %}{% endif %}{{ y is defined }}",
    "{% for i in [1] %}{% set y = 5 %}{% endfor %}{{ y is defined }}",
    "{% for n in [1] %}{{ n }}{% endfor %}{{ n }}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% set c = 3 %}{{ c }}{% endwith %}{{ a is defined }}{{ c is defined }}",
    "{% with %}{% set n = 1 %}{{ n }}{% endwith %}{{ n }}",
    "{% macro m(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(1, c=5) }} {{ m(b=1, a=0) }}",
    "{% macro m(a) %}[{{ a }}]{{ a is defined }}{% endmacro %}{{ m() }}",
    "{% macro m(a) %}{{ a.b }}{% endmacro %}{{ m() }}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(x=2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m() %}{{ n }}{% endmacro %}{% set n = 9 %}{{ m() }}",
    "{% macro m() %}{% set n = 1 %}{{ n }}{% endmacro %}{{ m() }}{{ n }}",
    "{% macro f(x) %}{% if x > 0 %}{{ x }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(4) }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in{{ n }}{% endcall %}",
    "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}+{{ b }}{% endcall %}",
    "{% macro m() %}x{% endmacro %}{% call m() %}in{% endcall %}",
    "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}",
    "{% macro a() %}A{% endmacro %}{% macro b() %}{{ a() }}B{% endmacro %}{{ b()|lower }}{{ b() ~ 'x' }}{{ a.name }}",
    "{% for i in xs %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% set f = 'upper' %}{{ s|upper if f == 'upper' else s }}",
    "{% filter upper %}abc {{ s }}{% endfilter %}",
    "{% filter replace('a', 'b')|upper %}abca{% endfilter %}",
    "{% filter indent(2) %}a\nb{% endfilter %}",
    "{% raw %}{{ x }} {% if %}{# #}{% endraw %}!",
    "{%- raw -%}  {{ x }}  {%- endraw -%}  !",
    "a{# comment #}b{#- strip -#}  c",
    "  a {# c #}\n  {# whole line #}\n  b",
    "{% print n %}{% print n, 1 %}",
    "{{ n, s }}{{ (n) }}",
    "{% block b %}[{{ n }}{% set q = 1 %}]{% endblock %}{{ q is defined }}",
    "{% for i in xs %}{% block c scoped %}{{ i }}{% endblock %}{% endfor %}",
    "{% for i in xs %}{% block e %}{{ i is defined }}{% endblock e %}{% endfor %}",
    "{% generation %}x{{ n }}{% endgeneration %}y",
    "{% autoescape false %}{{ '<' }}{% endautoescape %}",
    "{% if true %}\n  yes\n{% endif %}\nend\n",
    "  {% if true %}\n  yes\n  {% endif %}\nend\n\n",
    "a\n  {%- if true -%}  \n b {% endif %}\n c",
    "a  {%+ if true %}b{% endif %}",
    "  {%+ if true +%}\nb\n{% endif +%}\nc",
    "{{ n }}\n{{ n }}\n\n",
    "{{- n -}}  \n  {{- n -}}",
    "a {{- ' b ' -}} c",
    "x\r\ny\rz\n",
    "{% set x = 1 -%}   {%- set y = 2 %}  {{ x }}{{ y }}",
    "\t{% if true %}x{% endif %}\t\n",
    "{{ {'a': {'b': 1}}['a']['b'] }}{{ {'x': '}}'} }}{{ '%}' }}",
    "{%if t%}a{%endif%}{{n}}{{-n}}{{n-1}}",
    "{% if t and not no or false %}{{ 1 if n is odd else 2 }}{% endif %}",
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' }}\n{{ m.content | trim }}{% if m.tool_calls is defined and m.tool_calls %}{% for c in m.tool_calls %}{{ c.name }}:{{ c.arguments | tojson }}{% endfor %}{% endif %}<|end|>\n{% endfor %}{% if add_generation_prompt %}x{% endif %}",
    "{% set loop_messages = messages[1:] if messages[0]['role'] == 'system' else messages %}{% for m in loop_messages %}{{ m.role }};{% endfor %}",
    "{% set content = messages[1].content %}{% if '<there>' in content %}{{ content.split('<there>')[-1].lstrip() }}{% endif %}",
    "{% for m in messages if m.role != 'system' %}{{ loop.index0 }}{{ m.role }}{{ loop.last }}{% endfor %}",
    "{% set x = {} %}{% set x = dict(x, a=1) %}{{ x }}{% set y = x.items()|list %}{{ y }}",
    "{% set g = xs|map('string') %}{{ g|list }}{{ g|list }}",
    "{% set g = xs|select %}{% for x in g %}{{ x }}{% endfor %}|{% for x in g %}{{ x }}{% endfor %}{% if g %}T{% endif %}",
    "{% set ns = namespace(l=[]) %}{% for x in xs %}{% set ns.l = ns.l + [x * 2] %}{% endfor %}{{ ns.l }}",
    "{% if d.one == 1 and d['two'] is not none %}ok{% endif %}",
    "{% set a = [1, 2] %}{% set b = a %}{{ a is sameas b }}{{ a == b }}",
    "{{ '' }}{{ none }}{{ missing }}{{ [] }}{{ {} }}{{ () }}",
    "{%- for m in messages -%}\n    {{- m.role }}\n{%- endfor -%}",
    "{% set x = 'a' if missing is defined else 'b' %}{{ x }}",
    "{% set x = missing if missing is defined else none %}{{ x is none }}",
    "{% nosuch %}",
    "{% if %}{% endif %}",
    "{% if t %}",
    "{% endif %}",
    "{% for x in xs %}",
    "{% else %}",
    "{{ n",
    "{{ n }",
    "{% set = 1 %}",
    "{% set true = 1 %}",
    "{{ 'abc }}",
    "{{ (1 }}",
    "{{ 1 + }}",
    "{{ }}",
    "{{ a b }}",
    "{# open",
    "{% raw %}x",
    "{{ f(a=1, 2) }}",
    "{{ f(**d, *xs) }}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m(a, b, c) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(*xs) }}{{ m(**{'a': 1, 'b': 2, 'c': 3}) }}{{ m(1, *[2], **{'c': 3}) }}",
    "{{ 1 $ 2 }}",
    "{{ xs[0 }}",
    "{{ x. }}",
    "{{ 1 if }}",
    "{% for x in %}{% endfor %}",
    "{% for in xs %}{% endfor %}",
    "{% call 1 %}{% endcall %}",
    "{% if 1 is odd is even %}{% endif %}",
]


def cases():
    for line in EXPRESSIONS:
        yield "{{ " + line + " }}"
    yield from STATEMENTS
