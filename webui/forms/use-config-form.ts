import { useEffect, useState } from 'preact/hooks';
import { readConfig, type Tagged } from '../box/config.ts';
import { onNews } from '../box/news.ts';
import type { ConfigForm } from './config-form.ts';

const LOOK_MS = 30_000;

/** Settings that stand on a page, and follow what others make of them. @returns undefined until the box has told them */
export function useConfigForm<C, V extends object>(
  address: string,
  make: (seen: Tagged<C>) => ConfigForm<C, V>,
): ConfigForm<C, V> | undefined {
  const [made, setMade] = useState<ConfigForm<C, V>>();
  useEffect(() => {
    let isOver = false;
    const first = async () => {
      const seen = await readConfig<C>(address);
      if (!isOver) {
        setMade(make(seen));
      }
    };
    // The strip above says when the box does not answer.
    const look = () => void (made ? made.look() : first()).catch(() => {});
    if (!made) {
      look();
    }
    const timer = setInterval(look, LOOK_MS);
    const leave = [onNews('config', look), onNews('gap', look)];
    return () => {
      isOver = true;
      clearInterval(timer);
      for (const one of leave) {
        one();
      }
    };
  }, [made]);
  return made;
}
