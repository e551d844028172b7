import { useAsked } from '../../../api-client/use-polled.ts';
import { startWords } from '../../../words/start.ts';
import type { PathConfig, StorageUse } from './camera-settings.ts';
import { isForEver, keptOf, wholeDays } from './kept-days.ts';

const LOOK_MS = 60_000;

/** What will be kept of these cameras, and how long. */
export function Kept({ names }: { readonly names: readonly string[] }) {
  const say = startWords.value;
  const address = names.length > 0 ? 'v3/config/paths/list?itemsPerPage=1000' : undefined;
  const configs = useAsked<{ readonly items: readonly PathConfig[] }>(address, { everyMs: LOOK_MS, news: ['config'] });
  const use = useAsked<StorageUse>(address && 'v3/recordings/usage', { everyMs: LOOK_MS });
  const here = configs.value?.items.filter(({ name }) => names.includes(name)) ?? [];
  const kept = keptOf(here, use.value?.items ?? []);
  if (!kept) {
    return null;
  }
  const long = isForEver(kept) ? say.keptAll : say.keptDays(wholeDays(kept.days));
  return (
    <p class="dim small">{kept.fits === undefined ? long : say.keptFits(wholeDays(kept.fits), wholeDays(kept.days))}</p>
  );
}
