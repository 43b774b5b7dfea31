# Leaves of a model-based tree, one a line: "leaf x1 <= 0.5 & x3 > 2".
suppressPackageStartupMessages(library(partykit))
args <- commandArgs(TRUE)
size <- as.integer(args[2:5])
n <- size[1]; p <- size[2]
read <- function(name, k) readBin(file.path(args[1], name), "double", k)
d <- as.data.frame(matrix(read("X.bin", n * p), n, p))
names(d) <- paste0("x", seq_len(p))
d$y <- read("y.bin", n)
d$t <- read("t.bin", n)
right <- paste(paste0("x", seq_len(p)), collapse = " + ")
if (size[3] == 1) {
  tree <- lmtree(as.formula(paste("y ~ t |", right)), data = d, parm = 2,
                 minsize = size[4], maxdepth = 4)
} else {
  tree <- lmtree(as.formula(paste("y ~ 1 |", right)), data = d,
                 minsize = size[4], maxdepth = 4)
}
options(digits = 15)
rules <- partykit:::.list.rules.party(tree)
for (rule in rules) cat("leaf ", rule, "\n", sep = "")
