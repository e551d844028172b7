import { type ConfigForm, type FormSettings, PATH_DEFAULTS } from '../../forms/config-form.ts';
import { DAY_STEPS, daysOf, daysText, durationOf, FOR_EVER } from '../../forms/days.ts';
import { choiceProps } from '../../forms/field-props.ts';
import { PageForm } from '../../forms/page-form.tsx';
import { useConfigForm } from '../../forms/use-config-form.ts';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { Stepper } from '../../ui/controls/stepper.tsx';
import type { ScopeConfig } from './archive-data.ts';
import { archiveWords } from './words.ts';

interface ScopeValues {
  readonly recordArchive: ScopeConfig['recordArchive'];
  readonly days: number;
}

type ScopeForm = ConfigForm<ScopeConfig, ScopeValues>;

const SCOPE: FormSettings<ScopeConfig, ScopeValues> = {
  valuesOf: ({ recordArchive, recordArchiveDeleteAfter }) => ({
    recordArchive,
    days: daysOf(recordArchiveDeleteAfter),
  }),
  changeOf: ({ days, ...changed }) => ({
    ...changed,
    ...(days !== undefined && { recordArchiveDeleteAfter: durationOf(days) }),
  }),
};

/** Which recordings are archived, and how long. */
export function ArchiveScope() {
  const edited = useConfigForm(PATH_DEFAULTS, SCOPE);
  return edited ? <Fields edited={edited} /> : null;
}

function Fields({ edited }: { readonly edited: ScopeForm }) {
  const t = archiveWords.value;
  const { form } = edited;
  return (
    <PageForm edited={edited} text={t.whatEffect}>
      <SegmentedControl
        label={t.what}
        options={[
          { value: 'all', text: t.all },
          { value: 'protected', text: t.protected },
          { value: 'no', text: t.none },
        ]}
        {...choiceProps(form, 'recordArchive')}
      />
      <Stepper
        label={t.keepFor}
        steps={DAY_STEPS}
        format={(value) => (value === FOR_EVER ? t.keepAlways : daysText(value))}
        {...choiceProps(form, 'days')}
      />
    </PageForm>
  );
}
