import type Hls from 'hls.js';
import { definePerchVideo } from './element.ts';
import type { ScriptPort } from './services.ts';

/** Defines the element once per page. */
export function runScript(port: ScriptPort): void {
  if (customElements.get('perch-video')) {
    return;
  }
  const { currentScript, baseURI } = document;
  const address = currentScript instanceof HTMLScriptElement ? currentScript.src : baseURI;
  definePerchVideo({ folder: new URL('.', address).href, port, loadHls });
}

let loading: Promise<typeof Hls> | undefined;

/** hls.js of the box, as a plain script, so that pages of other sites can load it. */
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
