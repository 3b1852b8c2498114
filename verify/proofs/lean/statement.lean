/-
What both sides share: how a statement and a proof become one Lean command.

The text is parsed as one command, so a proof that ends its theorem and goes on is a parse error; and the theorem
that is elaborated is our own parse of the statement with only the value exchanged, so a proof cannot reach back.
The code keeps to what the compiler can translate where the library's private parts are missing (the WebAssembly
build): no loops over arrays, no string interpolation of names, and `call` where inlining would uncover them.
-/
namespace MathpipeStatement
open Lean Elab Command

@[noinline] def call {α β : Type} (function : α → β) (argument : α) : β := function argument

def field (object : Json) (key : String) : Json :=
  match object.getObjVal? key with
  | .ok value => value
  | .error _ => .null

def text : Json → String
  | .str value => value
  | _ => ""

def flag : Json → Bool
  | .bool value => value
  | _ => false

def items : Json → List Json
  | .arr values => values.toList
  | _ => []

def number : Json → Nat
  | .num value => value.mantissa.toNat
  | _ => 0

partial def spell : Name → String
  | .anonymous => ""
  | .str .anonymous part => part
  | .str parent part => spell parent ++ "." ++ part
  | .num parent part => spell parent ++ "." ++ toString part

partial def firstOf (kind : Name) (syntaxTree : Syntax) : Option Syntax :=
  if syntaxTree.getKind == kind then some syntaxTree else among syntaxTree.getArgs.toList
where among : List Syntax → Option Syntax
  | [] => none
  | head :: rest => match firstOf kind head with
    | some found => some found
    | none => among rest

/-- The command with its first value (`:= …`) exchanged. -/
partial def withValue (value : Syntax) (syntaxTree : Syntax) : Syntax :=
  (exchange syntaxTree).1
where
  exchange (tree : Syntax) : Syntax × Bool :=
    if tree.getKind == ``Parser.Command.declValSimple then (value, true)
    else match tree with
      | .node info kind arguments =>
        let (changed, done) := exchangeFirst arguments.toList
        if done then (.node info kind changed.toArray, true) else (tree, false)
      | other => (other, false)
  exchangeFirst : List Syntax → List Syntax × Bool
    | [] => ([], false)
    | head :: rest =>
      let (changed, done) := exchange head
      if done then (changed :: rest, true)
      else
        let (others, later) := exchangeFirst rest
        (head :: others, later)

def theoremKinds : List Name := [``Parser.Command.theorem, `lemma, `group]

/-- Our own parse of the statement, with `sorry` for its value; or why it is none. -/
def parseStatement (statement : String) : CommandElabM (Except String Syntax) := do
  match Parser.runParserCategory (← getEnv) `command (statement ++ " := sorry") "statement" with
  | .error message => return .error message
  | .ok command =>
    match firstOf ``Parser.Command.declId command, firstOf ``Parser.Command.declValSimple command with
    | some _, some _ => return .ok command
    | _, _ => return .error "it is not a theorem"

/-- The name that the command declares, as it is found in the environment after elaboration. -/
def declared (command : Syntax) (environment : Environment) : CommandElabM (Option Name) := do
  match firstOf ``Parser.Command.declId command with
  | none => return none
  | some identifier =>
    let short := identifier[0].getId
    let scope := match (← get).scopes with
      | scope :: _ => scope.currNamespace
      | [] => .anonymous
    let full := if (`_root_).isPrefixOf short then short.replacePrefix `_root_ .anonymous
      else scope ++ short
    if environment.contains full then return some full
    let hidden := mkPrivateName environment full
    return if environment.contains hidden then some hidden else none

partial def firstError : List Message → IO (Option Json)
  | [] => return none
  | message :: rest => do
    if message.severity matches .error then
      return some (Json.mkObj [("message", .str (← message.data.toString)), ("line", toJson message.pos.line),
        ("column", toJson message.pos.column)])
    else firstError rest

/-- Elaborate the command by itself; the environment after it, and the first error. All else is put back. -/
def elaborated (command : Syntax) (source : String) : CommandElabM (Environment × Option Json) := do
  let before ← get
  modify fun state => { state with messages := {} }
  withReader (fun context => { context with fileMap := source.toFileMap }) (elabCommand command)
  let after ← get
  set before
  return (after.env, ← firstError after.messages.toList)

/-- The answer to one request, whatever happens on the way. -/
def answered (answer : Json → CommandElabM Json) (request : String) : CommandElabM Json :=
  fun context state => do
    match Json.parse request with
    | .error message => return Json.mkObj [("status", "broken"), ("message", .str message)]
    | .ok value =>
      match ← (answer value context state).toBaseIO with
      | .ok reply => return reply
      | .error problem => return Json.mkObj [("status", "broken"), ("message", .str (← problem.toMessageData.toString))]

/-- Answer the request in one file by another file, which appears whole or not at all. -/
def answerFile (answer : Json → CommandElabM Json) (request reply : String) : CommandElabM Unit := do
  let result ← answered answer (← IO.FS.readFile request)
  IO.FS.writeFile (reply ++ ".part") result.compress
  IO.FS.rename (reply ++ ".part") reply

/-- Answer `request-0.json`, `request-1.json`, … by `reply-0.json`, … as they appear, until none comes any more.
Files, because the standard streams belong to whatever the candidate prints. -/
partial def serve (answer : Json → CommandElabM Json) (patience : Nat) : CommandElabM Unit := do
  IO.FS.writeFile "ready.part" Lean.versionString
  IO.FS.rename "ready.part" "ready"
  waitFor 0 patience
where waitFor (place left : Nat) : CommandElabM Unit := do
  let request := "request-" ++ toString place ++ ".json"
  if ← System.FilePath.pathExists request then
    answerFile answer request ("reply-" ++ toString place ++ ".json")
    waitFor (place + 1) patience
  else if left == 0 then return
  else
    IO.sleep 2
    waitFor place (left - 1)

end MathpipeStatement
