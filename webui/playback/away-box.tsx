import { useEffect } from 'preact/hooks';
import { nowMs } from '../shell/page-state.ts';
import { awayBoxOf, laneFor } from '../timeline/lane-data.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { moment } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';
import { recordingsWords } from '../words/recordings.ts';
import { HOUR_MS } from '../words/units.ts';

/** The box with recordings of this camera does not answer. */
export function AwayBox({ name }: { readonly name: string }) {
  // Also without a timeline, which asks.
  useEffect(() => void laneFor(name, { fromMs: Date.now() - HOUR_MS, toMs: Date.now() }), [name]);
  const away = awayBoxOf(name);
  const { boxOfCameraAway, boxOfCameraAwaySince } = recordingsWords.value;
  return away ? (
    <p class="hint bad missing-disk away-box" role="alert">
      <Icon name="alert" small />
      <span>
        {away.sinceMs === undefined ? boxOfCameraAway : boxOfCameraAwaySince(moment(away.sinceMs, nowMs.value, i18n()))}
      </span>
    </p>
  ) : null;
}
