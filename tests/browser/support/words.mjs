// The words of the dashboard in a language, by their keys: what a button or a message says is looked for as people do.
import { readFileSync, readdirSync } from "node:fs";

const directory = new URL("../../../crates/sonnette-server/src/dashboard/", import.meta.url);

// A function from a key to its text. Only messages of one line; what they count or name is cut off with what follows.
export function words(language) {
  const texts = new Map();
  for (const file of readdirSync(directory, { recursive: true })) {
    if (!file.endsWith(`.${language}.ftl`)) continue;
    for (const line of readFileSync(new URL(file, directory), "utf8").split("\n")) {
      const [, key, text] = /^([a-z][\w-]*) = (.*)$/.exec(line) ?? [];
      if (key) texts.set(key, text.split("{")[0].trim());
    }
  }
  return (key) => {
    const text = texts.get(key);
    if (!text) throw new Error(`there are no words ${key} in ${language}`);
    return text;
  };
}
