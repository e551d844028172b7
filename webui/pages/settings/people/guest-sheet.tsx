import { useMemo, useState } from 'preact/hooks';
import { choiceProps, fieldProps } from '../../../forms/field-props.ts';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { serverForm } from '../../../forms/server-form.ts';
import { AccessFields, cameraSelectionText, oneAtLeast } from '../../../people/access-fields.tsx';
import { type GuestLink, GuestLinkMaker } from '../../../people/guest-link.ts';
import { expiryText, LINK_SPANS, type LinkSpan, linkEnd, spanName } from '../../../people/link-expiry.ts';
import type { AccessLevel, CameraSelection } from '../../../people/people.ts';
import { viewsLink } from '../../../people/view-text.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { SegmentedControl } from '../../../ui/controls/segment.tsx';
import { i18n } from '../../../words/i18n.ts';
import { peopleWords } from '../../../words/settings/people.ts';
import { MadeLinkSheet } from './made-link-sheet.tsx';
import { RevokeSheet } from './revoke-sheet.tsx';

interface FormValues {
  readonly cameras: CameraSelection;
  readonly sees: AccessLevel;
  readonly span: LinkSpan;
  readonly note: string;
}

interface GuestSheetProps {
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** Creates a guest link and shows it once. */
export function GuestSheet({ onChanged, onClosed }: GuestSheetProps) {
  const t = peopleWords.value;
  const { language } = i18n();
  const [made, setMade] = useState<GuestLink>();
  const [isAsked, setAsked] = useState(true);
  const form = useMemo(() => {
    const maker = new GuestLinkMaker();
    return serverForm<FormValues>({
      initial: { cameras: [], sees: 'live', span: 'day', note: '' },
      validate: { cameras: oneAtLeast },
      save: async ({ cameras, sees, span, note }) => {
        const until = new Date(linkEnd(span, Date.now())).toISOString();
        const request = { paths: cameras, recordings: sees === 'both', until, note };
        setMade(await maker.make(request));
      },
    });
  }, []);
  const { cameras, sees, span } = form.values.value;
  if (made && !isAsked) {
    const seen = cameraSelectionText(made.paths, language);
    const sees = made.recordings ? t.linkSees(seen) : t.linkSeesLive(seen);
    return <MadeLinkSheet made={made} sees={sees} onClosed={onClosed} />;
  }
  return (
    <FormSheet
      title={t.newGuestLink}
      form={form}
      onClosed={() => (made ? setAsked(false) : onClosed())}
      onSaved={onChanged}
      text={t.linkIsTheKey}
      action={t.makeLink}
    >
      <AccessFields
        chosen={cameras}
        onChosen={(value) => form.set('cameras', value)}
        wrong={form.wrong.value.cameras}
        sees={sees}
        onSees={(value) => form.set('sees', value)}
      />
      <div class="field">
        <SegmentedControl
          label={t.linkHolds}
          options={LINK_SPANS.map((value) => ({ value, text: spanName(value, language) }))}
          {...choiceProps(form, 'span')}
        />
        <p class="hint">{t.linkMade(expiryText(linkEnd(span, nowMs.value), nowMs.value, language, t))}</p>
      </div>
      <TextField label={t.linkFor} autocomplete="off" hint={t.linkForHint} {...fieldProps(form, 'note', 200)} />
    </FormSheet>
  );
}

interface GuestLinkSheetProps {
  readonly title: string;
  readonly text: string;
  readonly id: string;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** An existing link, and revoking it. */
export function GuestLinkSheet({ text, id, ...sheet }: GuestLinkSheetProps) {
  const { endLink: action, endLinkText: warning, linkTakenBack: done } = peopleWords.value;
  return (
    <RevokeSheet {...sheet} address={`v3/guests/${encodeURIComponent(id)}`} {...{ action, warning, done }}>
      <p class="break">{text}</p>
      <div class="rows-end">
        <Row icon="clock" title={peopleWords.value.views} href={viewsLink(`guest:${id}`)} />
      </div>
    </RevokeSheet>
  );
}
