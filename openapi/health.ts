import { Type } from '@sinclair/typebox';
import { word } from './scalars.ts';

export const Health = Type.Object(
  { status: word(['ok']) },
  { $id: 'Health', additionalProperties: false, description: 'Only ever says that all is well.' },
);
