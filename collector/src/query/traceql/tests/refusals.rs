//! What is refused, at which column, and in which words.

use super::*;

fn check(query: &str, column: usize, words: &str) {
    let error = Query::parse(query).expect_err(query);
    assert_eq!(error.column, column, "{query}: {error}");
    assert!(error.message.contains(words), "{query}: {error}");
}

#[test]
fn mistakes_are_named_with_their_column() {
    check("", 1, "not the end");
    check("{oops", 2, "unknown name `oops`");
    check("{ stauts = error }", 3, "did you mean `status`?");
    check("{ status = eror }", 12, "did you mean `error`?");
    check("{ name = \"a }", 10, "has no end");
    check("{ name = `a }", 10, "has no end");
    check("{ name = \"\\x\" }", 11, "after `\\`");
    check("{ name = 'a' }", 10, "double quotes");
    check("{ name == \"a\" }", 8, "write `=`");
    check("{ name = \"a\" ", 14, "`}` is expected");
    check("{ name = \"a\" } {}", 16, "an operator such as");
    check("{ name = \"a\" } &&", 18, "`{` is expected");
    check("{ duration > 5xs }", 14, "write a duration");
    check("{ duration > 99999999999999999999 }", 14, "the largest is");
    check("{ duration > \"a\" }", 12, "a number or a duration never compares with a text");
    check("{ status = server }", 10, "a status never compares with a span kind");
    check("{ duration }", 3, "is no condition");
    check("{ 1 + true }", 5, "needs a number");
    check("{ .a > nil }", 6, "beside `=` or `!=`");
    check("{ 1 && true }", 5, "needs a truth value");
    check("{ name =~ \"(\" }", 11, "regular expression is not usable");
    check("{ name =~ \"a{1000}{1000}\" }", 11, "regular expression is not usable");
    check("{ name =~ \"a)|(b\" }", 11, "regular expression is not usable");
    check("{ name =~ 5 }", 11, "in quotes is expected");
    check("{ . = 1 }", 4, "the name of an attribute is missing");
    check("{ instrumentation.name = \"a\" }", 3, "are not kept");
    check("{ count() > 2 }", 3, "behind the braces");
    check("{} | rate()", 6, "not part of the subset");
    check("{} | cuont() > 2", 6, "did you mean `count`?");
    check("{} | count()", 6, "compares aggregates");
    check("{} | select()", 13, "a value is expected");
    check("status = error", 1, "is no stage");
    check("{ name = \"zürich\" } | § ", 23, "has no meaning");
}

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    let long = format!("{{ name = \"{}\" }}", "a".repeat(9_000));
    check(&long, 1, "at most 8192 are taken");
    let deep = format!("{{ {} true }}", "(".repeat(100));
    assert!(Query::parse(&deep).unwrap_err().message.contains("nested deeper"));
    let deep = format!("{} {{}}", "(".repeat(100));
    assert!(Query::parse(&deep).unwrap_err().message.contains("nested deeper"));
    let deep = format!("{{ {} true }}", "!".repeat(100));
    assert!(Query::parse(&deep).unwrap_err().message.contains("nested deeper"));
    let wide = format!("{{ true {} }}", "&& true ".repeat(500));
    assert!(Query::parse(&wide).unwrap_err().message.contains("more than 400"));
}
