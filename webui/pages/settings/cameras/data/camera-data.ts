import { useEffect, useState } from 'preact/hooks';
import type { CameraItem, DiskItem, StorageUse } from '../../../../api-client/api-types.ts';
import { configAddress } from '../../../../api-client/camera-addresses.ts';
import { readConfig, type Tagged } from '../../../../api-client/config.ts';
import { retryUntilAnswered } from '../../../../api-client/retry.ts';
import { urlOf } from '../../../../api-client/urls.ts';
import { usePolled } from '../../../../api-client/use-polled.ts';
import { titleOf } from '../../../../cameras/camera.ts';
import type { PathConfig } from './camera-settings.ts';

/** Pages of the camera's sheet. */
export type SubSheet = 'picture' | 'connection' | 'source' | 'forwards' | 'removal';

/** `192.168.1.31` */
export const hostOf = ({ onvif, source }: Pick<CameraItem, 'onvif' | 'source'>): string | undefined =>
  urlOf(onvif ?? source.replace(/^[a-z+]+:/, 'http:'))?.hostname || undefined;

/** Settings of the camera; `null`: not in the file. */
export function useConfigAtFirst(name: string): Tagged<PathConfig> | null | undefined {
  const [seen, setSeen] = useState<Tagged<PathConfig> | null>();
  useEffect(() => {
    const stop = new AbortController();
    // A permanent rejection.
    retryUntilAnswered(() => readConfig<PathConfig>(configAddress(name)), stop.signal).then(
      (answer) => answer && setSeen(answer),
      () => setSeen(null),
    );
    return () => stop.abort();
  }, [name]);
  return seen;
}

export interface CameraFacts {
  /** Undefined for paths without an adopted camera, such as publishers. */
  readonly item: CameraItem | undefined;
  readonly title: string;
  readonly use: StorageUse | undefined;
  readonly disks: readonly DiskItem[];
  readonly again: () => void;
}

/** Data of the camera besides its settings. */
export function useCameraFacts(name: string): CameraFacts {
  const list = usePolled<{ readonly items: readonly CameraItem[] }>('v3/cameras/list?itemsPerPage=1000', 'normal', {
    news: ['camera', 'config'],
  });
  const use = usePolled<StorageUse>('v3/recordings/usage', 'normal');
  const disks = usePolled<{ readonly items: readonly DiskItem[] }>('v3/disks', 'normal');
  const item = list.value?.items.find(({ path }) => path === name);
  return {
    item,
    use: use.value,
    disks: disks.value?.items ?? [],
    again: list.again,
    title: titleOf({ name, title: item?.title ?? null }),
  };
}
