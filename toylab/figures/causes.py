"""The most probable cause of each verdict that is not "reproduced", written after the result."""

CAUSES = {
    "lines-noise": "Of the sixteen known digits two slopes are wrong themselves: at δ = 0.1 and "
    "0.5 they stand as 0.0251 and 0.1177, but no slope exceeds δ/4 = 0.025; quadrature and finite "
    "differences both find 0.0249 and 0.1176. All else holds.",
    "unstable-gradient": "The pull is the critic's logit gap over θ, and after 4,000 steps the gap "
    "is not the same: about 18 and growing at θ = 0.1, about 9 at θ = 1. So the ratio is about 20, "
    "not 10. The growth and the theorem's identity hold.",
}
