import { useEffect, useState } from 'preact/hooks';
import { type SystemFacts, systemFacts } from '../box/system.ts';
import { lazyPart } from '../lazy-page.tsx';
import { lacksTime } from '../system/troubles.ts';
import { loadSettingsWords } from '../words/words.ts';

// Their words are those of the settings.
const DiskTrouble = lazyPart(async () => {
  const [part] = await Promise.all([import('./disk-trouble.tsx'), loadSettingsWords()]);
  return part.DiskTrouble;
});
const OfferTime = lazyPart(async () => {
  const [part] = await Promise.all([import('./offer-time.tsx'), loadSettingsWords()]);
  return part.OfferTime;
});

/** What the owner is told above his pictures. @param stopped recording has */
export function OwnerCards({ stopped }: { readonly stopped: boolean | undefined }) {
  const [clock, setClock] = useState<SystemFacts['clock']>();
  useEffect(() => {
    const stop = new AbortController();
    systemFacts(stop.signal).then(
      (facts) => setClock(facts.clock),
      () => {},
    );
    return () => stop.abort();
  }, []);
  return (
    <>
      {stopped && <DiskTrouble />}
      {clock && lacksTime(clock) && (
        <div class="on-grid">
          <OfferTime onSet={() => setClock(undefined)} />
        </div>
      )}
    </>
  );
}
