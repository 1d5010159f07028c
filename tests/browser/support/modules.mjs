// What comes from npm. It is installed below the target directory, which BROWSER_MODULES names, and not beside the tests.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.BROWSER_MODULES, "package.json"));

export const { chromium } = require("playwright-core");

// The checker as a script, to be run in a page.
export const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
