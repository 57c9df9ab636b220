"""The most probable cause of each verdict that is not "reproduced", written after the result."""

CAUSES = {
    "bilinear": "All radii but one hold. Symplectic adjustment at α = 6 ends at 2.5e41, not 7e39: "
    "there ⟨v, Jᵀv⟩ is 0 but for rounding, and once the players are far out rounding outweighs the "
    "constant 1/10 beside it, so the alignment's sign is chance. The paper's method has no sign.",
    "step-factors": "Symplectic adjustment follows its closed form until it diverges (q > 0.6); "
    "from there rounding chooses the sign of its alignment, as in the figure of f = αxy. Optimism "
    "is off by 0.5 % where its two roots are nearly equal and the smaller one dies out slowly.",
    "two-gaussians": "All checks but the last hold. Panel (b), ten times the points, does not "
    "overfit here because it ran for as many steps as the others; the paper's script counts "
    "epochs, which makes about 500,000 steps of it. No other panel depends on that.",
    "lines-noise": "Of the sixteen known digits two slopes are wrong themselves: at δ = 0.1 and "
    "0.5 they stand as 0.0251 and 0.1177, but no slope exceeds δ/4 = 0.025; quadrature and finite "
    "differences both find 0.0249 and 0.1176. All else holds.",
    "unstable-gradient": "The pull is the critic's logit gap over θ, and after 4,000 steps the gap "
    "is not the same: about 18 and growing at θ = 0.1, about 9 at θ = 1. So the ratio is about 20, "
    "not 10. The growth and the theorem's identity hold.",
    "two-modes": "CGD comes to serve both modes evenly and the others serve neither, in every seed. "
    "But with about half of its fakes between and beyond the modes, farther than three standard "
    "deviations, the share at the one that has fewer is 0.24 in two seeds of three, not 0.25.",
    "unit-slope": "The slopes and the rule hold in every seed. In one of three the largest "
    "estimate of W is 1.23 times the least, not 1.15: at λ = 10 it is 11 % below exact transport, "
    "a critic that is not at its best yet after 3 % of the paper's length.",
}
