//! What templates give, held to what `promtool test rules` of Prometheus 2.42 gives for the same texts.

use std::collections::BTreeMap;

use model::Nanos;
use model::time::SECOND;

use super::*;

const VARIABLES: &[(&str, &str)] = &[
    ("$labels", "Labels"),
    ("$externalLabels", "ExternalLabels"),
    ("$externalURL", "ExternalURL"),
    ("$value", "Value"),
];

/// Answers two series of `disk`, and nothing to all else.
struct Disks;

impl Host for Disks {
    fn query(&self, expression: &str) -> std::result::Result<Vec<Sample>, String> {
        let sample = |dev: &str, value| Sample { labels: labels(&[("__name__", "disk"), ("dev", dev)]), value };
        Ok(match expression {
            "disk" => vec![sample("sdb", 0.25), sample("sda", 3.0)],
            "disk{dev='sda'}" => vec![sample("sda", 3.0)],
            "sort_desc(disk)" => vec![sample("sda", 3.0), sample("sdb", 0.25)],
            "bad(" => return Err("1:5: parse error: unclosed left parenthesis".to_owned()),
            _ => Vec::new(),
        })
    }

    fn now(&self) -> Nanos {
        60 * SECOND
    }

    fn external_url(&self) -> &str {
        "https://h.example/p"
    }
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn rendered(text: &str) -> Result<String> {
    let of_sample = [("__name__", "up"), ("instance", "web-1.example.org:8080"), ("job", "a"), ("x", "<b>&")];
    let data = Value::fields(vec![
        ("Labels", Value::labels(&labels(&of_sample))),
        ("ExternalLabels", Value::labels(&BTreeMap::new())),
        ("ExternalURL", Value::text("https://h.example/p")),
        ("Value", Value::Float(1234.5678)),
    ]);
    Template::parse(text, VARIABLES)?.render(&data, &Disks)
}

const AS_PROMETHEUS: &[(&str, &str)] = &[
    ("{{ $value }}", "1234.5678"),
    (
        "{{ .Value }} {{ $labels.job }} {{ .Labels.instance }} [{{ $labels.missing }}]",
        "1234.5678 a web-1.example.org:8080 []",
    ),
    (
        "{{ 1000000.0 }} {{ 1e20 }} {{ 1e21 }} {{ 123456789.0 }} {{ 0.0001 }} {{ 0.00001 }} {{ -0.5 }} {{ 100.0 }}",
        "1e+06 1e+20 1e+21 1.23456789e+08 0.0001 1e-05 -0.5 100",
    ),
    (
        "{{ humanize 0.0 }} {{ humanize 1.0 }} {{ humanize 1234567.0 }} {{ humanize .12 }} {{ humanize 1e-9 }} {{ humanize -99999.0 }} {{ humanize 999.95 }} {{ humanize 1e30 }}",
        "0 1 1.235M 120m 1n -100k 1000 1e+06Y",
    ),
    (
        r#"{{ humanize1024 0.0 }} {{ humanize1024 1.0 }} {{ humanize1024 1048576.0 }} {{ humanize1024 .12 }} {{ humanize1024 "2048" }}"#,
        "0 1 1Mi 0.12 2ki",
    ),
    (
        "{{ humanizeDuration 0 }} {{ humanizeDuration 1 }} {{ humanizeDuration 59.5 }} {{ humanizeDuration 3600 }} {{ humanizeDuration 86400.0 }} {{ humanizeDuration 899.99 }} {{ humanizeDuration 0.1 }} {{ humanizeDuration -187 }} {{ humanizeDuration 0.0000012 }}",
        "0s 1s 59.5s 1h 0m 0s 1d 0h 0m 0s 14m 59s 100ms -3m 7s 1.2us",
    ),
    (
        r#"{{ humanizePercentage 0.1234567 }} {{ humanizePercentage -0.22222 }} {{ humanizePercentage 1 }} {{ humanizePercentage 0.00001 }} {{ "0.5" | humanizePercentage }}"#,
        "12.35% -22.22% 100% 0.001% 50%",
    ),
    (
        "{{ humanizeTimestamp 1435065584.128 }} {{ humanizeTimestamp 0 }}",
        "2015-06-23 13:19:44.128 +0000 UTC 1970-01-01 00:00:00 +0000 UTC",
    ),
    ("{{ 1435065584.5 | toTime }} {{ (1435065584 | toTime).Year }}", "2015-06-23 13:19:44.5 +0000 UTC 2015"),
    (
        r#"{{ printf "%.2f|%5.1f|%-8.1f|%08.3f|%+d|%d|%x|%s|%q|%v|%t|%%" 3.14159 2.0 2.0 -3.14159 5 42 255 "a" "b\n" 1.5 true }}"#,
        r#"3.14|  2.0|2.0     |-003.142|+5|42|ff|a|"b\n"|1.5|true|%"#,
    ),
    (
        r#"{{ printf "%d" 1.5 }} {{ printf "%s" 1.5 }} {{ printf "%d" }} {{ printf "x" 1 "a" }} {{ printf "%.1f" 1 }} {{ printf "%z" 1 }} {{ printf "%" }}"#,
        "%!d(float64=1.5) %!s(float64=1.5) %!d(MISSING) x%!(EXTRA int=1, string=a) %!f(int=1) %!z(int=1) %!(NOVERB)",
    ),
    (
        r#"{{ printf "%e %E %g %G %.3g %.10g %6d|%-6d|%06d|% d" 12345.678 0.00012 1e-7 1e100 12345.678 0.1 42 42 -42 42 }}"#,
        "1.234568e+04 1.200000E-04 1e-07 1E+100 1.23e+04 0.1     42|42    |-00042| 42",
    ),
    (r#"{{ printf "%s %v %d" "x" "y" 3 | toUpper }}"#, "X Y 3"),
    (r#"{{ query "disk" | len }} {{ query "nothing" | len }}"#, "2 0"),
    (r#"{{ range query "disk" }}{{ .Labels.dev }}={{ .Value }};{{ end }}"#, "sdb=0.25;sda=3;"),
    (r#"{{ range $i, $e := query "disk" }}{{ $i }}:{{ $e.Labels.dev }} {{ end }}"#, "0:sdb 1:sda "),
    (r#"{{ range query "nothing" }}x{{ else }}none{{ end }}"#, "none"),
    (r#"{{ with query "disk{dev='sda'}" }}{{ . | first | value | humanize }}{{ else }}none{{ end }}"#, "3"),
    (r#"{{ with query "nothing" }}x{{ else }}none{{ end }}"#, "none"),
    (r#"{{ query "disk{dev='sda'}" | first | label "dev" }} {{ query "sort_desc(disk)" | first | value }}"#, "sda 3"),
    (r#"{{ range sortByLabel "dev" (query "disk") }}{{ .Labels.dev }},{{ end }}"#, "sda,sdb,"),
    (r#"{{ query "disk" | sortByLabel "dev" | first | label "dev" }}"#, "sda"),
    ("{{ if gt $value 1000.0 }}big{{ else if gt $value 10.0 }}mid{{ else }}small{{ end }}", "big"),
    (
        r#"{{ if and (eq $labels.job "a") (ne $labels.x "") }}yes{{ end }} {{ or "" "b" }} {{ and "" "b" }}|{{ not true }}"#,
        "yes b |false",
    ),
    (
        r#"{{ if eq $labels.job "b" "a" }}one of{{ end }} {{ lt 1 2 }} {{ le "a" "b" }} {{ ge 2.0 2.0 }} {{ eq 1 1 }} {{ ne 1.0 2.0 }}"#,
        "one of true true true true true",
    ),
    (
        r#"{{ reReplaceAll "(.*):(.*)" "$2-$1" $labels.instance }} {{ reReplaceAll "[0-9]+" "N" "a1b22" }} {{ match "web-[0-9]" $labels.instance }} {{ match "^x" "ax" }}"#,
        "8080-web-1.example.org aNbN true false",
    ),
    (r#"{{ title "a fine day" }} {{ "ABC" | toLower }} {{ toUpper "x" }}"#, "A Fine Day abc X"),
    (
        r#"{{ stripPort $labels.instance }} {{ stripPort "[::1]:80" }} {{ stripPort "a" }} {{ stripPort "1:2:3" }} {{ stripDomain $labels.instance }} {{ stripDomain "10.0.0.1:80" }} {{ stripDomain "a.b.c" }} {{ stripDomain "" }}"#,
        "web-1.example.org ::1 a 1:2:3 web-1:8080 10.0.0.1:80 a ",
    ),
    (r#"{{ $x := "a" }}{{ $x }}{{ $x = "b" }}{{ $x }}{{ if true }}{{ $x := "c" }}{{ $x }}{{ end }}{{ $x }}"#, "abcb"),
    (r#"a {{- "b" -}} c {{ "d" }} e"#, "abc d e"),
    ("{{/* nothing */}}x{{- /* trimmed */ -}}  y", "xy"),
    (r#"{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" "in" }}{{ template "t" $labels.job }}"#, "<in><a>"),
    (r#"{{ define "u" }}{{ range . }}{{ .Labels.dev }}{{ end }}{{ end }}{{ template "u" (query "disk") }}"#, "sdbsda"),
    (r#"{{ with $a := args "x" 2 }}{{ $a.arg0 }}{{ $a.arg1 }} {{ .arg0 }}{{ .arg7 }}{{ end }}"#, "x2 x<no value>"),
    (
        r#"{{ index $labels "job" }} {{ len $labels.job }} {{ len $labels }} {{ (index (query "disk{dev='sda'}") 0).Labels.dev }} {{ index $labels "zz" }}"#,
        "a 1 4 sda ",
    ),
    (
        r#"{{ slice "abcdef" 1 3 }} {{ slice "abc" 1 }} {{ print "a" 1 2 "b" true 1.5 }} {{ println "a" 1 }}"#,
        "bc bc a1 2btrue 1.5 a 1\n",
    ),
    (
        r#"{{ html "<a href='x'>&\"" }} {{ urlquery "a b&c=d/é" }} {{ js "it's <b>\"" }}"#,
        r#"&lt;a href=&#39;x&#39;&gt;&amp;&#34; a+b%26c%3Dd%2F%C3%A9 it\'s \u003Cb\u003E\""#,
    ),
    (
        r#"{{ $labels }} {{ true }} {{ 'a' }} {{ 0x1F }} {{ "tab\tnew\u00e9" }} {{ `raw\n` }}"#,
        "map[__name__:up instance:web-1.example.org:8080 job:a x:<b>&] true 97 31 tab\tnewé raw\\n",
    ),
    (
        "{{ range $k, $v := $labels }}{{ $k }}={{ $v }} {{ end }}",
        "__name__=up instance=web-1.example.org:8080 job=a x=<b>& ",
    ),
    (r#"{{ range $i, $e := query "disk" }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ $e.Labels.dev }}{{ end }}"#, "sdb"),
    (
        r#"{{ range query "disk" }}{{ if eq .Labels.dev "sda" }}{{ continue }}{{ end }}{{ .Labels.dev }}{{ end }}"#,
        "sdb",
    ),
    (r#"{{ query "disk{dev='sda'}" | first | strvalue }}|{{ safeHtml "<b>" }}"#, "|<b>"),
    (r#"{{ "a" | printf "%s-%s" "b" }} {{ ("x") }} {{ (printf "%d" 1) | printf "%s" }}"#, "b-a x 1"),
    ("{{ with 1 }}{{ . }}{{ $.Value }}{{ end }}", "11234.5678"),
    ("{{ with 0 }}x{{ else }}zero{{ end }}", "zero"),
    (
        r#"{{ printf "%v %s" $labels $labels.job }} {{ printf "%5s|%-5s|%.2s" "ab" "cd" "efg" }} {{ printf "%+.1f %+.1f" 1.0 -1.0 }} {{ printf "%c %U" 65 65 }}"#,
        "map[__name__:up instance:web-1.example.org:8080 job:a x:<b>&] a    ab|cd   |ef +1.0 -1.0 A U+0041",
    ),
    (r#"{{ block "b" .Value }}[{{ . }}]{{ end }}"#, "[1234.5678]"),
    (
        r#"{{ printf "%5.1f%%" 12.345 }} {{ printf "%x" "hi" }} {{ printf "%T" 1.5 }} {{ printf "%6.2f" $value }} {{ printf "%t" 1 }}"#,
        " 12.3% 6869 float64 1234.57 %!t(int=1)",
    ),
    ("{{ 1 | humanize }} {{ 1e3 | humanize }} {{ -0.0 }} {{ 1_000 }} {{ +5 }} {{ .5 }}", "1 1k -0 1000 5 0.5"),
];

#[test]
fn renders_as_prometheus_does() {
    for (text, expected) in AS_PROMETHEUS {
        assert_eq!(rendered(text).as_deref(), Ok(*expected), "{text}");
    }
}

#[test]
fn links_lead_to_the_page_of_metrics() {
    let table = [
        ("{{ tableLink \"up > 1\" }} {{ graphLink \"up\" }}", "/metrics?q=up+%3E+1 /metrics?q=up"),
        (
            "{{ externalURL }} {{ pathPrefix }} {{ $externalURL }} {{ $externalLabels.foo }}{{ now }}",
            "https://h.example/p /p https://h.example/p 60",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(rendered(text).as_deref(), Ok(expected), "{text}");
    }
}

/// All of them fail in Prometheus too.
#[test]
fn what_fails_when_it_is_rendered_says_why() {
    let table = [
        (r#"{{ query "nothing" | first | value }}"#, "first() called on vector with no elements"),
        ("{{ if gt $value 1000 }}x{{ end }}", "error calling gt: incompatible types for comparison: float64 and int"),
        (r#"{{ parseDuration "1h30m" }} {{ parseDuration "x" }}"#, "not a valid duration string: \"x\""),
        ("{{ .Foo }}", "can't evaluate field Foo in type struct"),
        ("{{ $labels.job.x }}", "can't evaluate field x in type string"),
        (r#"{{ humanize "x" }}"#, "error calling humanize: no number: \"x\""),
        ("{{ eq 1 1.0 }}", "error calling eq: incompatible types"),
        (r#"{{ query "bad(" }}"#, "error calling query: 1:5: parse error"),
        (r#"{{ template "nope" }}"#, "template \"nope\" not defined"),
    ];
    for (text, reason) in table {
        let error = rendered(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn mistakes_show_when_a_template_is_read() {
    let table = [
        ("{{ $value", "unclosed action"),
        ("{{ nope 1 }}", "function \"nope\" not defined"),
        ("{{ $nope }}", "undefined variable \"$nope\""),
        ("{{ if true }}x", "{{end}} is missing"),
        ("x{{ end }}", "unexpected {{end}}"),
        ("{{ else }}", "unexpected {{else}}"),
        ("{{ if }}x{{ end }}", "missing value for command"),
        ("{{ break }}", "{{break}} outside {{range}}"),
        ("{{ \"a }}", "unterminated quoted string"),
        ("{{ (1 }}", "unclosed left paren"),
        ("{{ 1 | 2 }}", "a constant cannot be given"),
        ("{{ $labels 1 }}", "can't give argument to non-function"),
        ("{{ 1x }}", "bad number syntax"),
        ("{{ /* x }}", "unclosed comment"),
        ("{{ 1 ! 2 }}", "unexpected '!'"),
        ("{{ define x }}{{ end }}", "must be a quoted string"),
        ("{{ $x = 1 }}", "undefined variable \"$x\""),
        ("{{ if $x := 1 }}{{ end }}{{ $x }}", "undefined variable \"$x\""),
    ];
    for (text, reason) in table {
        let error = Template::parse(text, VARIABLES).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn no_template_takes_more_than_its_share() {
    let nested = format!("{}{}", "{{ if true }}".repeat(50), "{{ end }}".repeat(50));
    let parens = format!("{{{{ {}1{} }}}}", "(".repeat(5_000), ")".repeat(5_000));
    let doubled = format!("{{{{ $x := \"aaaaaaaaaa\" }}}}{}", "{{ $x = print $x $x }}".repeat(30));
    let table = [
        (nested.as_str(), "nests deeper"),
        (&parens, "nests deeper"),
        ("{{ range 100000000 }}x{{ end }}", "steps"),
        ("{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}", "steps"),
        ("{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}", "call each other"),
        (&doubled, "print gives more than"),
        ("{{ range 30 }}{{ query \"disk\" }}{{ end }}", "queries"),
        ("{{ reReplaceAll \"(((((a{100}){100}){100})))\" \"\" \"a\" }}", "invalid regular expression"),
        ("{{ range 2000 }}{{ printf \"%1000d\" 1 }}{{ end }}", "writes more than"),
    ];
    for (text, reason) in table {
        let error = rendered(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{}: {error}", &text[..text.len().min(80)]);
    }
    let long = "a".repeat(MAX_TEXT + 1);
    assert!(Template::parse(&long, VARIABLES).is_err());
}
