import { useEffect, useState } from 'preact/hooks';
import { type ChangedBy, changedBy, readConfig } from '../api-client/config.ts';
import { retryUntilAnswered } from '../api-client/retry.ts';
import { onServerEvent } from '../api-client/server-events.ts';
import { ConfigForm, type ConfigPlace, type FormSettings } from './config-form.ts';

const POLL_MS = 30_000;

/** A form that follows changes of others. @returns undefined until the first response */
export function useConfigForm<C, V extends object>(
  place: ConfigPlace,
  settings: FormSettings<C, V>,
): ConfigForm<C, V> | undefined {
  const [made, setMade] = useState<ConfigForm<C, V>>();
  useEffect(() => {
    const stop = new AbortController();
    if (!made) {
      retryUntilAnswered(() => readConfig<C>(place.get), stop.signal).then(
        (seen) => seen && !stop.signal.aborted && setMade(new ConfigForm({ ...place, ...settings, seen })),
        // A permanent rejection.
        () => {},
      );
      return () => stop.abort();
    }
    const refresh = (by?: ChangedBy) => void made.refresh(by).catch(() => {});
    const timer = setInterval(() => refresh(), POLL_MS);
    const leave = [onServerEvent('config', (news) => refresh(changedBy(news))), onServerEvent('gap', () => refresh())];
    return () => {
      clearInterval(timer);
      for (const one of leave) {
        one();
      }
    };
  }, [made]);
  return made;
}
