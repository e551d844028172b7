import type Hls from 'hls.js';
import { definePerchVideo } from './element.ts';
import type { Origin } from './services.ts';

/** Defines the element once per page, with what the script that this is called from knows of its own address. */
export function runScript(origin: Origin): void {
  if (customElements.get('perch-video')) {
    return;
  }
  const { currentScript, baseURI } = document;
  const address = currentScript instanceof HTMLScriptElement ? currentScript.src : baseURI;
  definePerchVideo({ folder: new URL('.', address).href, origin, loadHls });
}

let loading: Promise<typeof Hls> | undefined;

/** The device's own hls.js, beside its playlists: a plain script, so that pages of other sites may load it too. */
function loadHls(hls: string): Promise<typeof Hls> {
  loading ??= new Promise<typeof Hls>((resolve, reject) => {
    const script = document.createElement('script');
    script.src = `${hls}hls.min.js`;
    script.onload = () => resolve((globalThis as unknown as { Hls: typeof Hls }).Hls);
    script.onerror = () => {
      loading = undefined;
      reject(new Error('hls.js cannot be loaded'));
    };
    document.head.append(script);
  });
  return loading;
}
