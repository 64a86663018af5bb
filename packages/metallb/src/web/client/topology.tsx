import { type LabView, type NodeView, timerText } from "#view";

const ROW = 46;
const BOX = { width: 210, height: 34 } as const;
const NODES_X = 470;
const WIDTH = NODES_X + BOX.width + 2;

/** The router on the left, the nodes on the right, a line for each session. */
export function Topology({ lab }: { readonly lab: LabView }) {
  const height = Math.max(lab.nodes.length * ROW, ROW) + 4;
  const middle = height / 2;
  return (
    <svg viewBox={`0 0 ${WIDTH} ${height}`} class="topology" role="img" aria-label="Router, nodes and sessions">
      {lab.nodes.map((node, index) => (
        <Cable node={node} from={middle} to={center(index)} key={node.name} />
      ))}
      <Box x={1} y={middle} title={lab.router.title} note={`AS ${lab.router.asn}  ${lab.router.address}`} tone="" />
      {lab.nodes.map((node, index) => (
        <Box
          x={NODES_X}
          y={center(index)}
          title={node.name}
          note={node.address}
          tone={stateOf(node).up ? "" : "down"}
          key={node.name}
        />
      ))}
    </svg>
  );
}

const center = (index: number) => index * ROW + ROW / 2 + 2;

interface BoxProps {
  readonly x: number;
  /** Its vertical middle. */
  readonly y: number;
  readonly title: string;
  readonly note: string;
  readonly tone: string;
}

function Box({ x, y, title, note, tone }: BoxProps) {
  return (
    <g class={`box ${tone}`}>
      <rect x={x} y={y - BOX.height / 2} width={BOX.width} height={BOX.height} rx="5" />
      <text x={x + 12} y={y - 2}>
        {title}
      </text>
      <text x={x + 12} y={y + 11} class="note">
        {note}
      </text>
    </g>
  );
}

function Cable({ node, from, to }: { readonly node: NodeView; readonly from: number; readonly to: number }) {
  const start = BOX.width + 2;
  const bend = (start + NODES_X) / 2;
  const { up, words } = stateOf(node);
  const tone = node.cut ? "cut" : up ? "up" : "down";
  return (
    <g class={`cable ${tone}`}>
      <path d={`M ${start} ${from} C ${bend} ${from}, ${bend} ${to}, ${NODES_X - 1} ${to}`} />
      <text x={NODES_X - 12} y={to > from ? to + 14 : to - 6} text-anchor="end">
        {node.cut ? `cable cut${up ? `, session ${words}` : ""}` : words}
      </text>
    </g>
  );
}

/** All sessions of a node on one line: an Established one never hides another. */
function stateOf({ sessions }: NodeView): { readonly up: boolean; readonly words: string } {
  const down = sessions.filter(({ established }) => !established);
  const [first] = down;
  if (sessions.length === 0) return { up: false, words: "no session" };
  const [timer = ""] = sessions.map((session) => timerText(session, Date.now())).filter((text) => text !== "");
  if (first === undefined) return { up: true, words: timer || "Established" };
  const state = first.speaker || first.router || "down";
  return {
    up: false,
    words: sessions.length === 1 ? state : `${first.peer}: ${state}, ${down.length} of ${sessions.length} down`,
  };
}
