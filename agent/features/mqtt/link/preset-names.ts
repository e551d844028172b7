/** Names of PTZ presets. Each camera is asked when it comes online: one after the other, because some answer slowly or not at all. */
export class PresetNames {
  readonly #read: (path: string) => Promise<readonly string[]>;
  readonly #onRead: () => void;
  /** Preset names as last read, by path. */
  readonly #names = new Map<string, readonly string[]>();
  /** Paths of the cameras to ask. */
  readonly #due = new Set<string>();
  #isReading = false;
  #isClosed = false;
  #online: ReadonlySet<string> = new Set();

  /**
   * @param read names of a camera's presets; rejects for a camera without PTZ
   * @param onRead called after each successful read
   */
  constructor(read: (path: string) => Promise<readonly string[]>, onRead: () => void) {
    this.#read = read;
    this.#onRead = onRead;
  }

  /** After this, the result of a read that is under way is ignored. */
  close(): void {
    this.#isClosed = true;
  }

  of(path: string): readonly string[] | undefined {
    return this.#names.get(path);
  }

  /** Makes the next `readOf` ask all its cameras. */
  forgetOnline(): void {
    this.#online = new Set();
  }

  /** @param online paths of the cameras that are online now */
  readOf(online: readonly string[]): void {
    for (const path of online) {
      if (!this.#online.has(path)) {
        this.#due.add(path);
      }
    }
    this.#online = new Set(online);
    void this.#readDue();
  }

  async #readDue(): Promise<void> {
    if (this.#isReading) {
      return;
    }
    this.#isReading = true;
    for (const path of this.#due) {
      this.#due.delete(path);
      const names = await this.#read(path).catch(() => undefined);
      if (this.#isClosed) {
        return;
      }
      if (names) {
        this.#names.set(path, names);
        this.#onRead();
      }
    }
    this.#isReading = false;
  }
}
