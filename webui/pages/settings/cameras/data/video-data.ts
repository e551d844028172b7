import { useEffect, useState } from 'preact/hooks';
import type { CameraSettings } from '../../../../api-client/api-types.ts';
import { cameraCall } from '../../../../api-client/camera-addresses.ts';
import { RequestError } from '../../../../api-client/request.ts';
import { isTransient, retryUntilAnswered } from '../../../../api-client/retry.ts';
import { usePolled } from '../../../../api-client/use-polled.ts';
import { nowMs } from '../../../../shell/page-state.ts';
import { type ChangeState, type LastChange, readVideo } from './video-settings.ts';

/** Not Implemented: the camera cannot do it. */
const CANNOT = 501;

export interface SeenVideo {
  /** Null: the camera does not report its settings. */
  readonly value: CameraSettings | null | undefined;
  /** Whether the camera does not answer at present. It is asked again. */
  readonly isSilent: boolean;
  readonly again: () => void;
}

/** Settings that the camera keeps itself. @param path undefined if nothing is requested */
export function useCameraVideo(path: string | undefined): SeenVideo {
  const [value, setValue] = useState<CameraSettings | null>();
  const [isSilent, setSilent] = useState(false);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === undefined) {
      return undefined;
    }
    const stop = new AbortController();
    const show = (answer: CameraSettings | null | undefined) => {
      if (answer !== undefined) {
        setValue(answer);
        setSilent(false);
      }
    };
    const onFailure = (error: unknown) => {
      if (!isTransient(error) || (error instanceof RequestError && error.status === CANNOT)) {
        throw error;
      }
      setSilent(true);
    };
    retryUntilAnswered(() => readVideo(path, stop.signal), stop.signal, onFailure).then(show, () => show(null));
    return () => stop.abort();
  }, [path, turn]);
  return { value, isSilent, again: () => setTurn((before) => before + 1) };
}

export interface SeenChange {
  readonly state: ChangeState;
  /** Unix milliseconds at which it was first seen here. */
  readonly sinceMs: number;
}

interface LastSeen {
  /** Undefined: there is no change to show. */
  readonly change: SeenChange | undefined;
  readonly again: () => void;
}

/** The last change of the encoder. @param onEnd called when a change that this page has seen under way has ended */
export function useLastChange(path: string | undefined, onEnd: () => void): LastSeen {
  const address = path === undefined ? undefined : cameraCall('settingschange', path);
  const { value, again } = usePolled<LastChange>(address, 'fast');
  const [sinceMs, setSince] = useState<number>();
  const { state, time = '' } = value?.change ?? {};
  const isRunning = state === 'checking' || state === 'restoring';
  useEffect(() => {
    if (isRunning) {
      setSince(Date.now());
    } else if (sinceMs !== undefined) {
      onEnd();
    }
  }, [isRunning]);
  const isRecentFailure =
    (state === 'restored' || state === 'notRestored') && nowMs.value - Date.parse(time) < 86_400_000;
  const isShown = state && (isRunning || isRecentFailure || sinceMs !== undefined);
  return { change: isShown ? { state, sinceMs: sinceMs ?? nowMs.value } : undefined, again };
}

export const isUnderWay = (change: SeenChange | undefined): boolean =>
  change?.state === 'checking' || change?.state === 'restoring';
