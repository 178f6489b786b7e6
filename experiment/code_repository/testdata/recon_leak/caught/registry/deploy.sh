docker pull 418273940562.dkr.ecr.eu-west-1.amazonaws.com/trainer:1.4
