import { useMemo, useState } from 'preact/hooks';
import { nowMs } from '../../../shell/page-state.ts';
import { boxForm } from '../../../forms/server-form.ts';
import { FormFoot } from '../../../forms/form-footer.tsx';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { isAtHome } from '../../../people/local-address.ts';
import { LinkMaker, type MadeLink } from '../../../people/guest-link.ts';
import type { CamerasSeen, Sees } from '../../../people/people.ts';
import { camerasSeen, oneAtLeast, SeesFields } from '../../../people/access-fields.tsx';
import { LINK_SPANS, type LinkSpan, linkEnd, spanName, untilWords } from '../../../people/link-expiry.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { copied } from '../../../ui/controls/clipboard.ts';
import { TextField } from '../../../ui/controls/field.tsx';
import { Segment } from '../../../ui/controls/segment.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { voice } from '../../../words/i18n.ts';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { peopleWords } from '../../../words/people.ts';

interface Wish {
  readonly cameras: CamerasSeen;
  readonly sees: Sees;
  readonly span: LinkSpan;
  readonly note: string;
}

interface GuestSheetProps {
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A link that shows some cameras for a while: asked for, then shown once. */
export function GuestSheet({ onChanged, onClosed }: GuestSheetProps) {
  const say = peopleWords.value;
  const { language } = voice();
  const [made, setMade] = useState<MadeLink>();
  const [isAsked, setAsked] = useState(true);
  const form = useMemo(() => {
    const maker = new LinkMaker();
    return boxForm<Wish>({
      initial: { cameras: [], sees: 'live', span: 'day', note: '' },
      judge: { cameras: oneAtLeast },
      save: async ({ cameras, sees, span, note }) => {
        const until = new Date(linkEnd(span, Date.now())).toISOString();
        const wish = { paths: cameras, recordings: sees === 'both', until, note };
        setMade(await maker.make(wish));
      },
    });
  }, []);
  const { cameras, sees, span, note } = form.values.value;
  if (made && !isAsked) {
    return <MadeSheet made={made} onClosed={onClosed} />;
  }
  return (
    <FormSheet
      title={say.newGuestLink}
      form={form}
      onClosed={() => (made ? setAsked(false) : onClosed())}
      onSaved={onChanged}
      foot={<FormFoot form={form} text={say.linkIsTheKey} action={say.makeLink} />}
    >
      <SeesFields
        chosen={cameras}
        onChosen={(value) => form.set('cameras', value)}
        wrong={form.wrong.value.cameras}
        sees={sees}
        onSees={(value) => form.set('sees', value)}
      />
      <div class="field">
        <Segment
          label={say.linkHolds}
          value={span}
          options={LINK_SPANS.map((value) => ({ value, text: spanName(value, language) }))}
          onChange={(value) => form.set('span', value)}
        />
        <p class="hint">{say.linkMade(untilWords(linkEnd(span, nowMs.value), nowMs.value, language, say))}</p>
      </div>
      <TextField
        label={say.linkFor}
        name="note"
        autocomplete="off"
        value={note}
        onInput={(value) => form.set('note', value.slice(0, 200))}
        hint={say.linkForHint}
      />
    </FormSheet>
  );
}

/** The link is told once: what it opens, and the ways to give it away. */
function MadeSheet({ made, onClosed }: { readonly made: MadeLink; readonly onClosed: () => void }) {
  const say = peopleWords.value;
  const { language } = voice();
  const [isDone, setDone] = useState(false);
  const seen = camerasSeen(made.paths, language);
  const until = untilWords(Date.parse(made.until), nowMs.value, language, say);
  const data = { url: made.link };
  const canShare = typeof navigator.share === 'function' && navigator.canShare?.(data) !== false;
  return (
    <Sheet
      title={say.newGuestLink}
      onClosed={onClosed}
      isDone={isDone}
      foot={
        <>
          <Button
            kind="main"
            onClick={async () => {
              if (await copied(made.link)) {
                toast(peopleWords.peek().linkCopied);
              }
            }}
          >
            {say.copyLink}
          </Button>
          {canShare && <Button onClick={() => void navigator.share(data).catch(() => {})}>{say.shareLink}</Button>}
          <Button kind="quiet" onClick={() => setDone(true)}>
            {say.linkDone}
          </Button>
        </>
      }
    >
      <p>
        {say.linkMade(until)} {made.recordings ? say.linkSees(seen) : say.linkSeesLive(seen)}
      </p>
      {isAtHome(made.link) && <p class="dim small">{say.linkAtHome}</p>}
      <label class="field">
        <span class="label">{say.link}</span>
        <span class="input">
          <input type="text" readOnly value={made.link} onFocus={(event) => event.currentTarget.select()} />
        </span>
        <span class="hint">{say.linkOnce}</span>
      </label>
    </Sheet>
  );
}
