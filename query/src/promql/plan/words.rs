//! The parser's tokens of aggregations and operators.

use promql_parser::parser::token;

use super::{Aggregation, Operator};

/// The aggregation of a token.
pub(super) fn aggregation(id: token::TokenId) -> Option<Aggregation> {
    Some(match id {
        token::T_AVG => Aggregation::Avg,
        token::T_BOTTOMK => Aggregation::BottomK,
        token::T_COUNT => Aggregation::Count,
        token::T_COUNT_VALUES => Aggregation::CountValues,
        token::T_GROUP => Aggregation::Group,
        token::T_LIMITK => Aggregation::LimitK,
        token::T_LIMIT_RATIO => Aggregation::LimitRatio,
        token::T_MAX => Aggregation::Max,
        token::T_MIN => Aggregation::Min,
        token::T_QUANTILE => Aggregation::Quantile,
        token::T_STDDEV => Aggregation::Stddev,
        token::T_STDVAR => Aggregation::Stdvar,
        token::T_SUM => Aggregation::Sum,
        token::T_TOPK => Aggregation::TopK,
        _ => return None,
    })
}

/// The operator of a token.
pub(super) fn operator(id: token::TokenId) -> Option<Operator> {
    Some(match id {
        token::T_ADD => Operator::Add,
        token::T_SUB => Operator::Sub,
        token::T_MUL => Operator::Mul,
        token::T_DIV => Operator::Div,
        token::T_MOD => Operator::Mod,
        token::T_POW => Operator::Pow,
        token::T_ATAN2 => Operator::Atan2,
        token::T_EQLC => Operator::Equal,
        token::T_NEQ => Operator::NotEqual,
        token::T_LSS => Operator::Less,
        token::T_LTE => Operator::LessOrEqual,
        token::T_GTR => Operator::Greater,
        token::T_GTE => Operator::GreaterOrEqual,
        token::T_LAND => Operator::And,
        token::T_LOR => Operator::Or,
        token::T_LUNLESS => Operator::Unless,
        _ => return None,
    })
}
