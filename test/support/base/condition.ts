/** Conditions that are checked again at each `changed`. */
export class Conditions {
  readonly #checks = new Set<() => void>();

  changed(): void {
    for (const check of this.#checks) {
      check();
    }
  }

  /** Resolves when `condition` is true, at once if it is already. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (condition()) {
          this.#checks.delete(check);
          resolve();
        }
      };
      this.#checks.add(check);
      check();
    });
  }
}
