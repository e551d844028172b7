import { useMemo, useState } from 'preact/hooks';
import type { SavedClip } from '../../api-client/recordings/saved-clips.ts';
import { fetchJson } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { choiceProps } from '../../forms/field-props.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { type GuestLink, GuestLinkMaker } from '../../people/guest-link.ts';
import { expiryText } from '../../people/link-expiry.ts';
import type { GuestItem } from '../../people/people.ts';
import { nowMs } from '../../shell/page-state.ts';
import { Button } from '../../ui/controls/button.tsx';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { spaced } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { libraryWords } from '../../words/settings/library.ts';
import { peopleWords } from '../../words/settings/people.ts';
import { MadeLinkSheet } from '../settings/people/made-link-sheet.tsx';

const SPANS = ['1', '7', '30'] as const;
type Days = (typeof SPANS)[number];

interface ClipLinkSheetProps {
  readonly clip: SavedClip;
  readonly onClosed: () => void;
}

/** Creates a link that shows one clip, and lists those that exist. */
export function ClipLinkSheet({ clip, onClosed }: ClipLinkSheetProps) {
  const t = peopleWords.value;
  const { language } = i18n();
  const [made, setMade] = useState<GuestLink>();
  const [isAsked, setAsked] = useState(true);
  const form = useMemo(() => {
    const maker = new GuestLinkMaker();
    return serverForm<{ readonly days: Days }>({
      initial: { days: '7' },
      validate: {},
      save: async ({ days }) => {
        const until = new Date(endOf(days, Date.now())).toISOString();
        setMade(await maker.make({ clip: clip.id, until, note: clip.note.slice(0, 200) }));
      },
    });
  }, []);
  const { days } = form.values.value;
  if (made && !isAsked) {
    return <MadeLinkSheet made={made} sees={libraryWords.value.clipLinkSees} onClosed={onClosed} />;
  }
  const dayName = new Intl.NumberFormat(language, { style: 'unit', unit: 'day', unitDisplay: 'long' });
  return (
    <FormSheet
      title={libraryWords.value.clipLink}
      form={form}
      onClosed={() => (made ? setAsked(false) : onClosed())}
      text={t.linkIsTheKey}
      action={t.makeLink}
    >
      <p>{libraryWords.value.clipLinkSees}</p>
      <div class="field">
        <SegmentedControl
          label={t.linkHolds}
          options={SPANS.map((value) => ({ value, text: spaced(dayName.format(Number(value))) }))}
          {...choiceProps(form, 'days')}
        />
        <p class="hint">{t.linkMade(expiryText(endOf(days, nowMs.value), nowMs.value, language, t))}</p>
      </div>
      <Links clip={clip} />
    </FormSheet>
  );
}

/** End of a link: the same time of day some days later, across clock changes. */
const endOf = (days: Days, ms: number): number => new Date(ms).setDate(new Date(ms).getDate() + Number(days));

/** Valid links of the clip. */
function Links({ clip }: { readonly clip: SavedClip }) {
  const t = peopleWords.value;
  const { language } = i18n();
  const address = 'v3/guests?itemsPerPage=1000';
  const { value, again } = usePolled<{ readonly items: readonly GuestItem[] }>(address, 'slow');
  const links = value?.items.filter((link) => !link.over && isOf(link, clip)) ?? [];
  if (links.length === 0) {
    return null;
  }
  const revoke = (id: string) =>
    attempt(async () => {
      await fetchJson(`v3/guests/${encodeURIComponent(id)}`, { method: 'DELETE' });
      toast(t.linkTakenBack);
      again();
    });
  return (
    <section class="clip-links">
      <h3>{libraryWords.value.clipLinks}</h3>
      <ul>
        {links.map(({ id, until }) => (
          <li key={id}>
            <span class="digits">
              {cameraTitle(clip.path)} · {t.endsAt(expiryText(Date.parse(until), nowMs.value, language, t))}
            </span>
            <Button kind="text" danger onClick={() => void revoke(id)}>
              {t.endLink}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

const isOf = ({ clip }: GuestItem, { path, startMs, endMs }: SavedClip): boolean =>
  clip != null && clip.path === path && Date.parse(clip.start) === startMs && Date.parse(clip.end) === endMs;
