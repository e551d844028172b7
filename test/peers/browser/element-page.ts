import type { AnyPage } from './page-script.ts';

/** The report of `<perch-video>`. */
export interface ElementState {
  readonly technology: 'WebRTC' | 'MSE' | 'HLS' | undefined;
  readonly phase: string;
  readonly reason: string;
  readonly passed: readonly { readonly technology: string; readonly kind: string; readonly reason: string }[];
  readonly muted: boolean | undefined;
  readonly size: readonly number[];
  /** Shown since the first report: over all connections. */
  readonly frames: number;
  readonly label: string;
  /** Delay from the box to the screen, where the transport measures it. */
  readonly lagMs: number | undefined;
}

/** Adds an element to the page, with the script of that address. */
export async function addElement(
  page: AnyPage,
  script: string,
  attributes: Readonly<Record<string, string>>,
): Promise<void> {
  await page.evaluate(
    ([src, all]: [string, Record<string, string>]) =>
      new Promise<void>((resolve, reject) => {
        const element = document.createElement('perch-video');
        for (const [name, value] of Object.entries(all)) {
          element.setAttribute(name, value);
        }
        document.body.append(element);
        const tag = document.createElement('script');
        tag.onload = () => resolve();
        tag.onerror = () => reject(new Error(`${src} cannot be loaded`));
        tag.src = src;
        document.head.append(tag);
      }),
    [script, attributes],
  );
}

/** Counts the pictures of the element's video over all connections. */
export async function elementState(page: AnyPage): Promise<ElementState> {
  return (await page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: the element's own type is the browser's
    const element = document.querySelector('perch-video') as any;
    const video = element.video as (HTMLVideoElement & { seen?: number }) | undefined;
    if (video && video.seen === undefined) {
      video.seen = 0;
      const count = () => {
        video.seen = (video.seen ?? 0) + 1;
        video.requestVideoFrameCallback(count);
      };
      video.requestVideoFrameCallback(count);
    }
    const { technology, phase, reason, passed } = element;
    const facts = await element.facts();
    return {
      technology,
      phase,
      reason,
      passed,
      muted: video?.muted,
      size: [video?.videoWidth ?? 0, video?.videoHeight ?? 0],
      frames: video?.seen ?? 0,
      label: element.shadowRoot.querySelector('small').textContent,
      lagMs: facts?.lagMs,
    };
  })) as ElementState;
}
