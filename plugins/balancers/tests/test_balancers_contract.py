"""Every balancer keeps the contract, with settings that move it within a few steps."""

from __future__ import annotations

from ectrain.testing import balancer_contract
from ectrain_balancers.cagrad import CAGrad
from ectrain_balancers.dwa import DynamicWeightAverage, DynamicWeightAverageConfig
from ectrain_balancers.famo import FAMO
from ectrain_balancers.gradnorm import GradNorm
from ectrain_balancers.pcgrad import PCGrad
from ectrain_balancers.rlw import RandomLossWeighting
from ectrain_balancers.uncertainty import Uncertainty, UncertaintyConfig

test_uncertainty = balancer_contract(Uncertainty, UncertaintyConfig(rate=0.1))
test_dwa = balancer_contract(DynamicWeightAverage, DynamicWeightAverageConfig(window=2))
test_rlw = balancer_contract(RandomLossWeighting)
test_gradnorm = balancer_contract(GradNorm)
test_pcgrad = balancer_contract(PCGrad)
test_cagrad = balancer_contract(CAGrad)
test_famo = balancer_contract(FAMO)
