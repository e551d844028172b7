import { useEffect, useState } from 'preact/hooks';
import { sleep } from '../../shell/sleep.ts';
import { systemFacts } from '../../system/system-facts.ts';
import { needsTime } from '../../system/troubles.ts';
import { lazyPart } from '../../ui/lazy/lazy-page.tsx';
import { loadSettingsWords } from '../../words/words.ts';

const POLL_MS = 10_000;

// These cards use the texts of the settings.
const DiskTrouble = lazyPart(async () => {
  const [part] = await Promise.all([import('./disk-trouble.tsx'), loadSettingsWords()]);
  return part.DiskTrouble;
});
const OfferTime = lazyPart(async () => {
  const [part] = await Promise.all([import('../settings/system/parts/offer-time.tsx'), loadSettingsWords()]);
  return part.OfferTime;
});

/** Messages for the owner above the grid. @param stopped recording has stopped */
export function OwnerCards({ stopped }: { readonly stopped: boolean | undefined }) {
  const [isLost, setLost] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    void followClock(setLost, stop.signal);
    return () => stop.abort();
  }, []);
  return (
    <>
      {stopped && <DiskTrouble />}
      {isLost && (
        <div class="on-grid">
          <OfferTime onSet={() => setLost(false)} />
        </div>
      )}
    </>
  );
}

/** Polls until the box knows the time, which the network may provide late. */
async function followClock(onLook: (isLost: boolean) => void, stop: AbortSignal): Promise<void> {
  for (let isLost = true; isLost && !stop.aborted; ) {
    const facts = await systemFacts(stop).catch(() => undefined);
    if (facts && !stop.aborted) {
      isLost = needsTime(facts.clock);
      onLook(isLost);
    }
    await (isLost ? sleep(POLL_MS, stop) : undefined);
  }
}
