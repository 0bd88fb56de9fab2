import { Type } from '@sinclair/typebox';
import { word } from './scalars.ts';

export const Health = Type.Object(
  { status: word(['ok'], { description: 'Anything else is another status code.' }) },
  { $id: 'Health', description: 'Only ever says that all is well.' },
);
