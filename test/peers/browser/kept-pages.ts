import { onTestFailed } from 'vitest';
import type { Viewer } from './browser.ts';
import { SIZES, type Visit, type Visited, type VisitOptions, visit } from './page-visit.ts';

/** A place without pictures, where a page waits for the next test, and an element that is there. */
export type Rest = readonly [place: string, sign: string];

const PEOPLE: Rest = ['#/settings/people', '.you'];
const TOAST_MS = 1_000;
const REST_MS = 10_000;
/** Chromium notes 250 requests of a document, which one that is kept exceeds. */
const MAX_REQUESTS = 10_000;

/**
 * The owner's pages, which the tests of a suite use in turn: one of each kind is loaded, and goes from place to place. A test that fails
 * ends its page. Tests of what a browser keeps load their own.
 */
export class KeptPages {
  readonly #resting = new Map<string, Visit>();
  readonly #viewer: () => Viewer;
  readonly #box: () => Visited;
  readonly #rest: Rest;

  constructor(viewer: () => Viewer, box: () => Visited, rest = PEOPLE) {
    this.#viewer = viewer;
    this.#box = box;
    this.#rest = rest;
  }

  /** At the end of its scope the page rests. */
  async open(options: VisitOptions, place = '#/live'): Promise<Visit> {
    const kind = JSON.stringify(Object.entries(options).sort());
    const kept = this.#resting.get(kind);
    this.#resting.delete(kind);
    const visitor = kept ?? (await visit(this.#viewer().browser, this.#box(), options));
    onTestFailed(async () => {
      if (this.#resting.get(kind) === visitor) {
        this.#resting.delete(kind);
      }
      await visitor[Symbol.asyncDispose]();
    });
    if (kept) {
      kept.watch();
      await this.#wake(kept, options, place);
    } else {
      await visitor.logIn(place);
      await visitor.page.evaluate((count) => performance.setResourceTimingBufferSize(count), MAX_REQUESTS);
    }
    return {
      ...visitor,
      [Symbol.asyncDispose]: async () => {
        await visitor.page.unrouteAll({ behavior: 'ignoreErrors' });
        const [restPlace, sign] = this.#rest;
        await visitor.go(restPlace);
        await visitor.page.locator(sign).first().waitFor({ timeout: REST_MS });
        this.#resting.set(kind, visitor);
      },
    };
  }

  async #wake({ page, complaints, go, logIn }: Visit, { size }: VisitOptions, place: string): Promise<void> {
    const { width, height } = SIZES[size].viewport;
    if (page.viewportSize()?.width !== width || page.viewportSize()?.height !== height) {
      await page.setViewportSize({ width, height });
    }
    complaints.length = 0;
    const toast = page.locator('.toast');
    const hasToast = (await toast.count()) > 0;
    await go(place);
    // The message of the test before goes by itself, or when a sheet opens.
    const isGone =
      !hasToast ||
      (await toast.waitFor({ state: 'detached', timeout: TOAST_MS }).then(
        () => true,
        () => false,
      ));
    if (!isGone) {
      await logIn(place);
    }
  }
}
