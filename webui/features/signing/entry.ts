import type { FeatureEntry } from '../contract.ts';
import { SigningKey } from './signing-key.tsx';

export const signing: FeatureEntry = { name: 'signing', systemRows: [SigningKey] };
