// Speaks the two options of a native solc that py-solc-x, ape-solidity and forge use, on top of npm's solc.
// usage: node solc_launcher.cjs <folder of the npm package solc> (--version | --standard-json)
"use strict";
const fs = require("fs");
const path = require("path");

const [folder, ...options] = process.argv.slice(2);
const solc = require(path.resolve(folder));

if (options.includes("--version")) {
  process.stdout.write(
    "solc, the solidity compiler commandline interface\nVersion: " + solc.version() + "\n",
  );
} else if (options.includes("--standard-json")) {
  const input = fs.readFileSync(0, "utf8");
  // Sources arrive inline; a missing import is reported by the compiler itself.
  const missing = () => ({ error: "File not supplied in sources" });
  // Before 0.5, `compile` speaks an older JSON, and the callback is a bare function.
  const output = solc.compileStandardWrapper
    ? solc.compileStandardWrapper(input, missing)
    : solc.compile(input, { import: missing });
  process.stdout.write(output);
} else {
  process.stderr.write("expected --version or --standard-json, found: " + options.join(" ") + "\n");
  process.exitCode = 1;
}
