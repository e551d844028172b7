import { signal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { useEffect } from 'preact/hooks';
import { sleep } from '../../shell/sleep.ts';
import { drawn } from '../icons/icon.tsx';

const RETRY_MS = 2_000;

export interface LazyPage {
  /** Renders the page once it is loaded. */
  readonly Page: FunctionComponent;
  /** Preloads it. */
  readonly fetch: () => Promise<void>;
}

/** A page with a script of its own. */
export function lazyPage(load: () => Promise<FunctionComponent>): LazyPage {
  const loaded = signal<{ readonly Page: FunctionComponent } | undefined>(undefined);
  let under: Promise<void> | undefined;
  const fetch = () => {
    under ??= Promise.all([load(), loadLaterAssets()]).then(
      ([Page]) => {
        loaded.value = { Page };
      },
      (error: unknown) => {
        under = undefined;
        throw error;
      },
    );
    return under;
  };
  const Shown: FunctionComponent = () => {
    const Page = loaded.value?.Page;
    useEffect(() => {
      const stop = new AbortController();
      if (!Page) {
        keepFetching(fetch, stop.signal);
      }
      return () => stop.abort();
    }, [Page]);
    return Page ? <Page /> : <div class="skeleton-page" aria-busy="true" />;
  };
  return { Page: Shown, fetch };
}

/** A part of a page with a script of its own; renders nothing until it is loaded. */
export function lazyPart<P extends object>(load: () => Promise<FunctionComponent<P>>): FunctionComponent<P> {
  const loaded = signal<{ readonly Part: FunctionComponent<P> } | undefined>(undefined);
  const fetch = async () => {
    const [Part] = await Promise.all([load(), loadLaterAssets()]);
    loaded.value ??= { Part };
  };
  return (props: P) => {
    const Part = loaded.value?.Part;
    useEffect(() => {
      const stop = new AbortController();
      if (!Part) {
        keepFetching(fetch, stop.signal);
      }
      return () => stop.abort();
    }, [Part]);
    return Part ? <Part {...props} /> : null;
  };
}

/** The strip reports an unreachable box. */
async function keepFetching(fetch: () => Promise<void>, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      await fetch();
      return;
    } catch {
      await reloadIfOld(stop);
    }
    await sleep(RETRY_MS, stop);
  }
}

/** After an update of the box, the file names of this page no longer exist. */
async function reloadIfOld(stop: AbortSignal): Promise<void> {
  const own = document.querySelector('script[src]')?.getAttribute('src');
  const page = await window.fetch('.', { cache: 'no-store', signal: stop }).then(
    (response) => (response.ok ? response.text() : ''),
    () => '',
  );
  if (own && page.includes('<script') && !page.includes(own)) {
    location.reload();
  }
}

let fetched: Promise<unknown> | undefined;

/** Style and icons of later pages, which wait for them. */
function loadLaterAssets(): Promise<unknown> {
  fetched ??= Promise.all([fetchStyle(), fetchIcons()]).catch((error: unknown) => {
    fetched = undefined;
    throw error;
  });
  return fetched;
}

const fetchIcons = async () => Object.assign(drawn, (await import('../icons/later-icons.ts')).LATER_ICONS);

/** Inserted by the build. It follows the first style, because later rules win. */
function fetchStyle(): Promise<void> {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = document.querySelector<HTMLMetaElement>('meta[name="later-style"]')?.content ?? '';
  return new Promise((resolve, reject) => {
    link.addEventListener('load', () => resolve());
    link.addEventListener('error', () => {
      link.remove();
      reject(new Error('the style did not come'));
    });
    document.body.append(link);
  });
}
