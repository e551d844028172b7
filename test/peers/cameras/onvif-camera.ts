import { join } from 'node:path';
import type { OnvifCameraOptions } from '../../onvif-camera/camera.ts';
import type { Namespace } from '../host/namespace.ts';
import { startProcess } from '../programs/process.ts';

const MAIN = join(import.meta.dirname, '../../onvif-camera/main.ts');

/** The camera's state after a command. */
export interface CameraReport {
  readonly done: number;
  readonly url: string;
  readonly endpoint: string;
  readonly address: string;
  readonly port: number;
  readonly rtspPort: number;
  readonly operations: readonly string[];
  readonly wrongLogins: readonly ('onvif' | 'picture' | 'stream')[];
  readonly ntpServer?: string;
  readonly clockOffsetMs: number;
  readonly ptz: { readonly moving: boolean; readonly position: Readonly<Record<'x' | 'y' | 'zoom', number>> };
}

/** A simulated camera in another network. */
export interface FarCamera extends AsyncDisposable {
  /** As it was at the start. */
  readonly report: CameraReport;
  /** `motion on`, `motion off`, `move ADDRESS`, `hello`, `stop`, `stop silently`, `start`, `reboot`, `clock OFFSET_MS`; nothing: a report. */
  tell(what?: string): Promise<CameraReport>;
}

/** Default: at every address of that network, and discovered at the usual port. */
export async function startOnvifCameraIn(
  network: Pick<Namespace, 'name'>,
  options: OnvifCameraOptions = {},
): Promise<FarCamera> {
  const all = { address: '0.0.0.0', discoveryPort: 3702, ...options };
  const running = startProcess('ip', ['netns', 'exec', network.name, process.execPath, MAIN, JSON.stringify(all)]);
  let count = 0;
  const reportOf = async (): Promise<CameraReport> => {
    const [line] = await running.waitFor(new RegExp(`^\\{"done":${count},.*\\}$`, 'm'));
    return JSON.parse(line) as CameraReport;
  };
  return {
    report: await reportOf(),
    tell: (what = 'report') => {
      count += 1;
      running.child.stdin.write(`${what}\n`);
      return reportOf();
    },
    async [Symbol.asyncDispose]() {
      running.child.stdin.end();
      await running.exited;
    },
  };
}
