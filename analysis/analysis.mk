# Analysers of the contracts. Each has an environment of its own under .cache/analysis: none of them is needed to
# build or test, and slither's packages clash with Ape's.
ANALYSIS := .cache/analysis

.PHONY: analyse-slither analyse-halmos analyse-halmos-faults analyse-mutation

$(ANALYSIS)/forge/.ready: analysis/forge/package-lock.json | .venv/.tools-ready
	@echo "installing the locked forge for the analysers"
	@mkdir -p $(@D)
	@cp analysis/forge/package.json analysis/forge/package-lock.json $(@D)/
	@cd $(@D) && PATH="$$(dirname "$$(cd $(CURDIR) && $(BIN)/python -c 'from pmm.toolchain import node_path; print(node_path())')"):$$PATH" \
		$$(cd $(CURDIR) && $(BIN)/python -c 'from pmm.toolchain import npm_command; print(*npm_command())') \
		ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(ANALYSIS)/%/.ready: analysis/%/requirements.txt | .venv/.python-ready
	@echo "installing the locked Python packages of $*"
	@rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@


analyse-slither: setup $(ANALYSIS)/slither/.ready $(ANALYSIS)/forge/.ready ## static analysis of the Solidity contracts
	@$(BIN)/python analysis/slither/run.py

analyse-halmos: setup $(ANALYSIS)/halmos/.ready $(ANALYSIS)/forge/.ready ## symbolic rules on lanes, amounts and the settlement
	@$(BIN)/python analysis/halmos/run.py

analyse-halmos-faults: setup $(ANALYSIS)/halmos/.ready $(ANALYSIS)/forge/.ready ## plant a fault for each symbolic rule
	@$(BIN)/python analysis/halmos/run.py --faults

analyse-mutation: setup $(ANALYSIS)/slither/.ready $(ANALYSIS)/forge/.ready ## change the contracts place by place; tests must notice
	@$(BIN)/python analysis/mutation/run.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(CONTRACTS),--contracts $(CONTRACTS)) $(if $(SINCE),--since $(SINCE)) $(if $(RECORD),--record)
