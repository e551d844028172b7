import { usePolled } from '../../api-client/use-polled.ts';
import type { FeaturePage } from '../../features/contract.ts';
import { featureLink } from '../../shell/route.ts';
import type { SystemFacts } from '../../system/system-facts.ts';
import { Row } from '../../ui/controls/row.tsx';
import { systemWords } from '../../words/settings/system.ts';
import { featurePages } from './table.ts';

interface FeatureRowsProps {
  readonly section: FeaturePage['section'];
  readonly facts?: SystemFacts;
}

/** Rows of the features' pages below a section. The page itself has the reason of a problem. */
export function FeatureRows({ section, facts }: FeatureRowsProps) {
  const { value } = usePolled<{ readonly items: readonly { readonly kind: string }[] }>('v3/problems/list', 'slow', {
    news: ['config'],
  });
  return featurePages(section).map(({ feature, part, row }) => {
    const hasProblem = value?.items.some(({ kind }) => kind === feature);
    return (
      <Row
        key={part}
        {...row(facts)}
        {...(hasProblem && { text: systemWords.value.featureFails, tone: 'bad' as const })}
        href={featureLink(section, part)}
      />
    );
  });
}
