//! Runs checks one after the other, counts them, and tells what failed.

export class Checks {
  #passed = 0;
  #failures = [];

  /** Runs one check; a failed one does not keep the others from running. */
  async run(name, body) {
    try {
      await body();
      this.#passed += 1;
      console.log(`  ok      ${name}`);
    } catch (error) {
      this.#failures.push(name);
      console.log(`  FAILED  ${name}\n${indented(error)}`);
    }
  }

  /** Runs a part made of checks; when it cannot go on, that is a failure too, and the next part still runs. */
  async part(name, body) {
    try {
      await body();
    } catch (error) {
      this.#failures.push(`${name} could not go on`);
      console.log(`  FAILED  ${name} could not go on\n${indented(error)}`);
    }
  }

  /** Prints the sum and returns the exit code. */
  report() {
    if (this.#failures.length === 0) {
      console.log(`page: ${this.#passed} checks passed`);
      return 0;
    }
    console.log(`page: ${this.#passed} checks passed, ${this.#failures.length} failed: ${this.#failures.join("; ")}`);
    return 1;
  }
}

function indented(error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text
    .split("\n")
    .map((line) => `          ${line}`)
    .join("\n");
}
