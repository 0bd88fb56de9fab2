/**
 * What kubb's functions ask with. Its own would read every answer as JSON, a file too, and
 * join the values of a repeated parameter.
 */
import type { Problem } from './generated/types/Problem.ts';

export interface RequestConfig<Body = unknown> {
  baseURL?: string;
  url?: string;
  method?: string;
  params?: unknown;
  data?: Body;
  headers?: Record<string, string>;
}

export interface ResponseConfig<Data = unknown> {
  data: Data;
  status: number;
  headers: Headers;
}

export type ResponseErrorConfig<Problems = unknown> = Problems;

export type Client = <Data, _Problems = unknown, Body = unknown>(
  config: RequestConfig<Body>,
) => Promise<ResponseConfig<Data>>;

export class ProblemAnswer extends Error {
  readonly problem: Problem;
  readonly headers: Headers;

  constructor(problem: Problem, headers: Headers) {
    super(problem.detail);
    this.problem = problem;
    this.headers = headers;
  }
}

const client: Client = async ({ baseURL = '', url = '', method = 'GET', params, headers = {} }) => {
  const address = new URL(url, baseURL);
  for (const [name, value] of Object.entries(params ?? {})) {
    for (const each of [value].flat()) address.searchParams.append(name, String(each));
  }
  const response = await fetch(address, { method, headers });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const data = isJson && text !== '' ? JSON.parse(text) : text;
  if (response.status >= 400) throw new ProblemAnswer(data, response.headers);
  return { data, status: response.status, headers: response.headers };
};

export default client;
