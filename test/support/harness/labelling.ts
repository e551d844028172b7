import { expect } from 'vitest';
import { FEATURES } from '../../../agent/app/features/table.ts';
import { LABEL_TYPES, type LabelType } from '../../../agent/base/event-kinds.ts';
import type { Feature, Host } from '../../../agent/features/contract.ts';

/** Features with one more that examines all cameras: it finds what the test says. */
export function labelling(given: readonly Feature[] = FEATURES) {
  let host: Pick<Host, 'recordings' | 'clock'> | undefined;
  const examiner: Feature = {
    name: 'examiner',
    open: (opened) => {
      host = opened;
      return { examines: () => LABEL_TYPES };
    },
  };
  return {
    features: [...given, examiner],
    label: (path: string, id: string, ...types: readonly LabelType[]): Promise<void> => {
      const { recordings, clock } = host ?? expect.fail('no Perch has started');
      const box = { x: 0.25, y: 0.5, width: 0.125, height: 0.25 };
      const at = Math.round(clock.wallMs() * 1000);
      const labels = types.map((type) => ({ type, score: 0.75, box, at }));
      return recordings.events.hub.label(path, id, labels);
    },
  };
}
