import { globSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { parseSync } from "oxc-parser";

/** One source file: where it is and what it names. */
export interface Source {
  /** Path from the root of the repository, with slashes. */
  readonly path: string;
  /** `metallb`, `apiserver` or `lab`. */
  readonly pack: string;
  /** The first folder below a package's src; for a package that is one room, the package. */
  readonly room: string;
  readonly lines: number;
  readonly isTest: boolean;
  readonly imports: readonly string[];
  /** Free-standing identifiers and `Math.random`-like members, as written. */
  readonly names: ReadonlySet<string>;
  readonly isAsync: boolean;
  /** It has a member `#x`; the habit here is TypeScript's `private`. */
  readonly hasHashMembers: boolean;
  readonly texts: readonly string[];
  /** Types that it declares, and `name: number` of what it declares with a bare number as its type. */
  readonly declares: ReadonlySet<string>;
}

const root = join(import.meta.dirname, "../..");

/** Every TypeScript file below the packages' src, parsed once. */
export function readSources(): readonly Source[] {
  return globSync("packages/*/src/**/*.{ts,tsx}", { cwd: root }).map((file) => readSource(join(root, file)));
}

/** What stands beside the packages: system tests, benchmarks, scripts. */
export function readHelpers(): readonly Source[] {
  const files = globSync("{test,bench,scripts}/**/*.ts", { cwd: root, exclude: ["**/node_modules/**"] });
  return files.map((file) => readSource(join(root, file)));
}

function readSource(file: string): Source {
  const path = relative(root, file).split(sep).join("/");
  return parseSource(path, readFileSync(file, "utf8"));
}

export function parseSource(path: string, text: string): Source {
  const { module, program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const facts = {
    names: new Set<string>(),
    texts: [] as string[],
    imports: [] as string[],
    isAsync: false,
    hasHashMembers: false,
    declares: new Set<string>(),
  };
  visit(program, facts);
  const [, pack = "", , folder = ""] = path.split("/");
  return {
    path,
    pack,
    room: pack === "metallb" ? folder : pack,
    lines: text.trimEnd().split("\n").length,
    isTest: /\.test\.tsx?$|\/testing\.ts$|\/testing\//.test(path),
    imports: [
      ...module.staticImports.map((entry) => entry.moduleRequest.value),
      ...module.staticExports.flatMap((entry) => entry.entries.map((one) => one.moduleRequest?.value ?? "")),
      ...facts.imports,
    ].filter((name) => name !== ""),
    names: facts.names,
    texts: facts.texts,
    declares: facts.declares,
    isAsync: facts.isAsync,
    hasHashMembers: facts.hasHashMembers,
  };
}

interface Facts {
  readonly names: Set<string>;
  readonly texts: string[];
  readonly imports: string[];
  isAsync: boolean;
  hasHashMembers: boolean;
  readonly declares: Set<string>;
}

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null;

function visit(node: unknown, facts: Facts): void {
  if (Array.isArray(node)) for (const each of node) visit(each, facts);
  if (!isTree(node) || Array.isArray(node)) return;
  note(node, facts);
  for (const [key, child] of Object.entries(node)) if (!isLabel(node, key)) visit(child, facts);
}

/** Names that label something instead of standing for a value: members, keys, and everything in types. */
function isLabel(node: Tree, key: string): boolean {
  if (key === "typeAnnotation" || key === "typeArguments" || key === "returnType") return true;
  if (node.type === "MemberExpression") return key === "property" && node.computed !== true;
  return key === "key" && node.computed !== true;
}

function note(node: Tree, facts: Facts): void {
  if (node.type === "Identifier") facts.names.add(String(node.name));
  if (isTree(node.key) && node.key.type === "PrivateIdentifier") facts.hasHashMembers = true;
  noteDeclaration(node, facts.declares);
  if (node.type === "Literal" && typeof node.value === "string") facts.texts.push(node.value);
  if (node.type === "TemplateElement" && isTree(node.value)) facts.texts.push(String(node.value.raw));
  if (node.async === true || node.type === "AwaitExpression") facts.isAsync = true;
  if (node.type === "ImportExpression" && isTree(node.source))
    facts.imports.push(typeof node.source.value === "string" ? node.source.value : "(computed)");
  if (node.type === "MemberExpression" && isTree(node.object) && isTree(node.property))
    facts.names.add(`${String(node.object.name)}.${String(node.property.name)}`);
}

function noteDeclaration(node: Tree, declares: Set<string>): void {
  if ((node.type === "TSTypeAliasDeclaration" || node.type === "TSInterfaceDeclaration") && isTree(node.id))
    declares.add(String(node.id.name));
  const name = isTree(node.key) ? node.key.name : node.name;
  if (typeof name === "string" && isBareNumber(node.typeAnnotation)) declares.add(`${name}: number`);
}

/** `number`, `number | null`, or a function that gives one. */
function isBareNumber(type: unknown): boolean {
  if (!isTree(type)) return false;
  if (type.type === "TSTypeAnnotation") return isBareNumber(type.typeAnnotation);
  if (type.type === "TSFunctionType") return isBareNumber(type.returnType);
  if (type.type === "TSUnionType" && Array.isArray(type.types)) return type.types.some(isBareNumber);
  return type.type === "TSNumberKeyword";
}
