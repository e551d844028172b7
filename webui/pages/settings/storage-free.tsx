import { useEffect, useState } from 'preact/hooks';
import { patchConfig } from '../../box/config.ts';
import { useAsked } from '../../box/use-asked.ts';
import { Stepper } from '../../parts/stepper.tsx';
import { toast } from '../../parts/toast.tsx';
import { voice } from '../../parts/voice.ts';
import { percent } from '../../words/format.ts';
import { storageWords } from '../../words/storage.ts';
import { words } from '../../words/words.ts';
import { FREE_STEPS, percentOf } from './storage-facts.ts';

const LOOK_MS = 60_000;
/** Whoever taps several times means the last. */
const REST_MS = 800;
const PATCH = 'v3/config/global/patch';

/** How much of each disk stays free: saved as soon as the finger rests, with the way back. */
export function KeepFree() {
  const { language } = voice();
  const say = storageWords.value;
  const asked = useAsked<{ readonly recordMinFree: string }>('v3/config/global/get', {
    everyMs: LOOK_MS,
    news: ['config'],
  });
  const saved = percentOf(asked.value?.recordMinFree ?? '');
  const [wanted, setWanted] = useState<number>();
  useEffect(() => {
    if (wanted === undefined || saved === undefined) {
      return undefined;
    }
    const timer = setTimeout(() => {
      if (wanted === saved) {
        setWanted(undefined);
        return;
      }
      const write = (value: number) => patchConfig(PATCH, { recordMinFree: `${value}%` }, undefined).then(asked.again);
      const failed = () => {
        setWanted(undefined);
        toast(words.peek().noAnswer);
      };
      write(wanted).then(() => {
        toast(words.peek().saved, () => {
          setWanted(undefined);
          write(saved).catch(failed);
        });
      }, failed);
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [wanted]);
  useEffect(() => {
    if (saved === wanted) {
      // The box has it: what others set from now on shows.
      setWanted(undefined);
    }
  }, [saved]);
  return saved === undefined ? null : (
    <Stepper
      label={say.keepFree}
      value={wanted ?? saved}
      steps={FREE_STEPS}
      say={(value) => percent(value / 100, language)}
      onChange={setWanted}
      hint={say.keepFreeText}
    />
  );
}
